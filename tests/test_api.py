from __future__ import annotations

import ast
import typing
from pathlib import Path

import pytest

import picochat
from picochat.api import Sampling
from picochat.chat.request import read_message
from picochat.errors import CheckpointError, ConfigError, DataError
from picochat.inference.engine import Engine
from picochat.inference.settings import SamplingSettings
from tests.fakes import ScriptedBackend, char_tokenizer


def scripted(*replies: str, **options: typing.Any) -> picochat.Model:
    tokenizer = char_tokenizer()
    return picochat.Model(Engine(ScriptedBackend(replies, tokenizer, **options), tokenizer))


def said(chat: picochat.Chat) -> list[tuple[str, str]]:
    return [(message["role"], message["content"]) for message in chat.messages]


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


def test_alternatives_come_when_they_are_asked_for(model: picochat.Model) -> None:
    for stream in (model.stream, lambda text, **wishes: model.stream_chat([{"role": "user", "content": text}], **wishes)):
        assert not any(token.alternatives for token in stream("Hi", max_tokens=3))
        tokens = list(stream("Hi", max_tokens=3, temperature=0, alternatives=4))
        assert all(len(token.alternatives) == 4 and token.alternatives[0].id == token.id for token in tokens)


def test_a_model_of_plain_text_holds_no_conversation(text_model: Path) -> None:
    model = picochat.load(text_model, device="cpu")
    assert model.generate("The quick", max_tokens=5)
    with pytest.raises(ConfigError, match=r"plain text .* generate\(\)"):
        model.chat([{"role": "user", "content": "Hi"}])
    with pytest.raises(ConfigError, match="plain text"):
        picochat.Chat(model)


def test_a_chat_says_what_the_model_says_to_its_messages(model: picochat.Model) -> None:
    chat = picochat.Chat(model, system="Be kind.", temperature=0)
    first = chat.say("Hi, I'm Ada.")
    assert chat.messages == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi, I'm Ada."},
        {"role": "assistant", "content": first},
    ]
    asked = [*chat.messages, {"role": "user", "content": "I like soup."}]
    assert "".join(token.text for token in chat.stream("I like soup.")) == model.chat(asked, temperature=0)
    again = picochat.Chat(model, messages=chat.messages, temperature=0)
    assert again.say("I like rice.") == chat.say("I like rice.")
    assert again.messages == chat.messages


def test_a_chat_reads_only_what_is_new(model: picochat.Model) -> None:
    chat = picochat.Chat(model, temperature=0)
    chat.say("Hi, I'm Ada.")
    chat.say("I like soup.")
    assert model.engine.prefilled < len(model.engine.chat_format.wrap("user", [])) + 30 < model.engine.cached


def test_the_last_answer_tells_its_seed_and_tokens(model: picochat.Model) -> None:
    chat = picochat.Chat(model, temperature=2.0, top_k=0)
    assert chat.last is None
    answer = chat.say("Hi", max_tokens=6)
    last = chat.last
    assert last is not None
    assert (last.text, last.count) == (answer, len(last.tokens))
    assert all(token.logprob <= 0 and token.alternatives for token in last.tokens)
    chat.reset()
    assert chat.last is None
    assert chat.say("Hi", max_tokens=6, seed=last.seed) == answer


def test_settings_of_one_answer_are_not_those_of_the_next() -> None:
    chat = picochat.Chat(scripted("a long answer", "another long answer"), max_tokens=9)
    assert chat.say("x", max_tokens=3) == "a l"
    assert chat.say("y") == "another l"
    assert chat.settings.max_tokens == 9


def test_what_was_said_stays_when_a_stream_is_broken_off() -> None:
    chat = picochat.Chat(scripted("one two three", "four"))
    for token in chat.stream("count"):
        if token.text == " ":
            break
    assert said(chat) == [("user", "count"), ("assistant", "one ")]
    assert chat.say("on") == "four"
    assert said(chat)[2:] == [("user", "on"), ("assistant", "four")]


def test_to_go_on_ends_a_stream_that_is_still_held() -> None:
    chat = picochat.Chat(scripted("one two three", "four", "five"))
    stream = chat.stream("count")
    assert next(stream).text + next(stream).text == "on"
    assert chat.say("on") == "four"
    assert list(stream) == []
    assert said(chat) == [("user", "count"), ("assistant", "on"), ("user", "on"), ("assistant", "four")]
    stream = chat.stream("more")
    next(stream)
    chat.reset()
    assert list(stream) == []
    assert chat.messages == []


def test_a_stream_that_never_began_says_nothing() -> None:
    chat = picochat.Chat(scripted("one"))
    chat.stream("count")
    assert chat.messages == []


def test_an_answer_that_failed_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    model = scripted("one", "two")
    chat = picochat.Chat(model)
    chat.say("a")
    with monkeypatch.context() as patch:
        patch.setattr(model.engine.backend, "prefill", lambda ids: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            chat.say("b")
    assert said(chat) == [("user", "a"), ("assistant", "one")]


def test_reset_keeps_system_and_settings() -> None:
    chat = picochat.Chat(scripted("one", "two"), system="Be brief.", max_tokens=2)
    chat.say("a")
    chat.reset()
    assert said(chat) == [("system", "Be brief.")]
    assert chat.say("a") == "tw"


def test_a_chat_tells_what_is_wrong_with_it() -> None:
    model = scripted()
    with pytest.raises(ConfigError, match="did you mean 'temperature'"):
        picochat.Chat(model, temprature=1)
    with pytest.raises(ConfigError, match="no setting 'theme'"):
        picochat.Chat(model, theme="dark")
    with pytest.raises(ConfigError, match="A message is"):
        picochat.Chat(model, messages=[{"content": "x"}])
    with pytest.raises(ConfigError, match="top-k"):
        picochat.Chat(model).stream("x", top_k=-1)
    with pytest.raises(CheckpointError):
        picochat.Chat("none.pt")


def test_one_sees_what_a_model_and_a_chat_are() -> None:
    model = scripted("one")
    chat = picochat.Chat(model)
    assert repr(model) == "<Model scripted.pt: 1000.0M parameters, context 512, fp32 on cpu>"
    assert repr(chat) == "<Chat with scripted.pt: 0 messages>"
    chat.say("a")
    assert repr(chat) == "<Chat with scripted.pt: 2 messages>"


def test_one_goes_on_with_what_was_trained(chat_file: Path, tmp_path: Path) -> None:
    class Listener:
        def __init__(self) -> None:
            self.notes: list[str] = []
            self.steps: list[int] = []

        def note(self, text: str) -> None:
            self.notes.append(text)

        def progress(self, record: dict[str, typing.Any]) -> None:
            self.steps.append(record["step"])

    listener = Listener()
    shape = {"size": "nano", "layers": 1, "heads": 1, "embedding": 16, "context": 64, "vocab_size": 300}
    shared: dict[str, typing.Any] = {**shape, "out": tmp_path / "run", "device": "cpu", "sample_tokens": 0}
    result = picochat.train(chat_file, steps=3, reporter=listener, **shared)
    assert listener.notes
    assert listener.steps == [1, 2, 3]
    chat = picochat.Chat(result)
    chat.say("Hi", max_tokens=3)
    assert chat.model.engine.info.path == result.best
    with pytest.raises(picochat.PicochatError, match="already"):
        picochat.train(chat_file, steps=1, **shared)
    assert picochat.train(chat_file, steps=1, force=True, **shared).step == 1
    nothing = picochat.Result(None, None, 0, float("inf"), float("inf"))
    with pytest.raises(CheckpointError, match="kept no model"):
        picochat.load(nothing)


def test_editors_know_all_settings() -> None:
    known = typing.get_type_hints(Sampling)
    fields = {name: info.annotation for name, info in SamplingSettings.model_fields.items()}
    assert known.keys() == fields.keys()
    assert all(known[name] == fields[name] for name in fields.keys() - {"stop"})


def test_type_checkers_see_the_names_that_there_are() -> None:
    tree = ast.parse(Path(picochat.__file__).read_text(encoding="utf-8"))
    (seen,) = (node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
    places = {name.name: line.module for line in seen.body if isinstance(line, ast.ImportFrom) for name in line.names}
    assert {name: f"picochat.{place}" for name, place in picochat._PLACES.items()} == places
    assert places.keys() == set(picochat.__all__)


def test_names_come_when_they_are_used() -> None:
    assert {name for name in dir(picochat) if not name.startswith("__")} == set(picochat.__all__)
    assert all(getattr(picochat, name) for name in picochat.__all__)
    assert picochat.ModelConfig.create(preset="nano").layers == 4
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        _ = picochat.lode
