from __future__ import annotations

from pathlib import Path

import pytest

import picochat
from picochat.chat.request import read_message
from picochat.errors import ConfigError, DataError


@pytest.fixture(scope="module")
def model(chat_model: Path) -> picochat.Model:
    return picochat.load(chat_model, device="cpu")


def test_generate_chat_and_stream_agree(model: picochat.Model) -> None:
    answer = model.generate("Hi, I'm Ada.", temperature=0)
    assert answer.startswith("Hello ")
    assert model.chat([{"role": "user", "content": "Hi, I'm Ada."}], temperature=0) == answer
    assert "".join(token.text for token in model.stream("Hi, I'm Ada.", temperature=0)) == answer


def test_a_conversation_goes_on_where_it_was(model: picochat.Model) -> None:
    messages = [{"role": "user", "content": "Hi, I'm Ada."}]
    messages.append({"role": "assistant", "content": model.chat(messages, temperature=0)})
    messages.append({"role": "user", "content": "I like soup."})
    model.chat(messages, temperature=0)
    assert model.engine.prefilled < len(model.engine.chat_format.prompt([read_message(m) for m in messages]))


def test_a_system_message_and_a_long_history_are_fine(model: picochat.Model) -> None:
    history = [{"role": role, "content": "I like bread."} for _ in range(50) for role in ("user", "assistant")]
    messages = [{"role": "system", "content": "Be kind."}, *history, {"role": "user", "content": "Hi"}]
    assert isinstance(model.chat(messages, seed=1), str)


def test_wrong_arguments_are_told(model: picochat.Model) -> None:
    with pytest.raises(ConfigError, match="did you mean 'temperature'"):
        model.generate("x", temprature=1)
    with pytest.raises(ConfigError, match="A message is"):
        model.chat([{"content": "x"}])
    with pytest.raises(DataError, match="role"):
        model.chat([{"role": "robot", "content": "x"}])
    for messages in ([], [{"role": "assistant", "content": "x"}], [{"role": "system", "content": "x"}]):
        with pytest.raises(ConfigError, match="at least one"):
            model.chat(messages)
    with pytest.raises(ConfigError, match="both of them texts"):
        model.chat([{"role": "user", "content": 5}])  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match="max-tokens"):
        model.chat([{"role": "user", "content": "x"}], max_tokens="a")
    with pytest.raises(picochat.PicochatError):
        picochat.load("none.pt")


def test_names_come_when_they_are_used() -> None:
    assert set(picochat.__all__) <= set(dir(picochat))
    assert picochat.ModelConfig.create(preset="nano").layers == 4
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = picochat.lode
