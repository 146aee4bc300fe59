from __future__ import annotations

from pathlib import Path

import pytest

from picochat.chat.session import ChatSession
from picochat.chat.settings import SINGLE_MAX_TOKENS, ChatSettings
from picochat.errors import CheckpointError, ConfigError, PicochatError
from tests.fakes import ScriptedBackend, scripted_session


def ask(session: ChatSession, text: str) -> str:
    return "".join(token.text for token in session.reply(text))


def backend_of(session: ChatSession) -> ScriptedBackend:
    backend = session.require_engine().backend
    assert isinstance(backend, ScriptedBackend)
    return backend


def test_a_second_turn_reads_only_what_is_new() -> None:
    session = scripted_session(["Hello!", "Fine."])
    ask(session, "Hi")
    ask(session, "How are you?")
    # end of the answer, newline, header, message, end, newline, header of the reply
    new = 1 + 1 + len("<user\n") + len("How are you?") + 1 + 1 + len("<assistant\n")
    assert session.require_engine().prefilled == new
    assert backend_of(session).prefills[-1] == new


def test_a_real_model_reads_only_what_is_new_too(chat_model: Path) -> None:
    session = ChatSession(ChatSettings(seed=1), device="cpu")
    engine = session.load(chat_model)
    ask(session, "Hi, I'm Ada.")
    before = engine.cached
    ask(session, "I like soup.")
    whole = len(session.last.prompt.ids)  # type: ignore[union-attr]
    assert engine.prefilled == whole - before
    assert engine.prefilled < before


def test_the_trained_model_answers_in_its_pattern_and_ends_its_turn(chat_model: Path) -> None:
    session = ChatSession(ChatSettings(temperature=0), device="cpu")
    session.load(chat_model)
    assert ask(session, "Hi, I'm Ada.").startswith("Hello")
    assert session.last is not None
    assert session.last.stop == "end"
    ask(session, "I like soup.")
    assert [entry.message.role for entry in session.conversation.entries] == ["user", "assistant"] * 2


def test_a_stopped_answer_keeps_what_was_said() -> None:
    session = scripted_session(["Hello there!", "Again"])
    said = []
    for token in session.reply("Hi", lambda: len(said) >= 5):
        said.append(token.text)
    assert session.conversation.entries[-1].message.content == "Hello"
    assert session.conversation.entries[-1].stop == "cancelled"
    assert ask(session, "More") == "Again"


def test_an_answer_stopped_before_its_first_word_leaves_no_trace() -> None:
    session = scripted_session(["Hello"])
    list(session.reply("Hi", lambda: True))
    assert session.conversation.entries == []


def test_single_prompts_are_answered_alone_and_bounded() -> None:
    session = scripted_session(["x" * 500, "y", "z"])
    ask(session, "Remember me")
    session.change("mode", "single")
    assert len(ask(session, "Alone")) == 1
    assert len(session.conversation.entries) == 2
    assert session.settings.sampling(1).max_tokens == SINGLE_MAX_TOKENS
    session.change("mode", "conversation")
    ask(session, "Back")
    assert len(session.conversation.entries) == 4


def test_a_seed_is_drawn_and_told_and_reproduces_the_answer(chat_model: Path) -> None:
    session = ChatSession(ChatSettings(temperature=1.5, top_k=0), device="cpu")
    session.load(chat_model)
    answer = ask(session, "Hi, I'm Ben.")
    assert session.last is not None
    seed = session.last.seed
    session.reset()
    session.change("seed", str(seed))
    assert ask(session, "Hi, I'm Ben.") == answer


def test_a_conversation_longer_than_the_window_goes_on(chat_model: Path) -> None:
    session = ChatSession(ChatSettings(seed=3), device="cpu")
    session.load(chat_model)
    dropped = 0
    for turn in range(12):
        ask(session, f"I like bread and number {turn}.")
        dropped += session.last.prompt.newly_dropped  # type: ignore[union-attr]
    assert dropped > 0
    assert len(session.conversation.entries) == 24


def test_loading_a_bad_file_keeps_the_model(chat_model: Path, tmp_path: Path) -> None:
    session = ChatSession(device="cpu")
    engine = session.load(chat_model)
    (tmp_path / "bad.pt").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError):
        session.load(tmp_path / "bad.pt")
    assert session.engine is engine
    assert ask(session, "Hi, I'm Ada.")


def test_the_conversation_survives_another_model(chat_model: Path, tmp_path: Path) -> None:
    session = scripted_session(["Hello!"])
    ask(session, "Hi, I'm Ada.")
    session.load(chat_model)
    ask(session, "I like soup.")
    assert len(session.conversation.entries) == 4


def test_a_model_of_plain_text_goes_on_with_each_text(text_model: Path) -> None:
    session = ChatSession(ChatSettings(temperature=0), device="cpu")
    session.load(text_model)
    assert session.settings.mode == "single"
    assert ask(session, "The quick brown").startswith(" fox")
    with pytest.raises(PicochatError, match="plain text"):
        session.change("mode", "conversation")


def test_nothing_is_answered_without_a_model() -> None:
    with pytest.raises(PicochatError, match="No model"):
        ChatSession().reply("Hi")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("temperature", "0.5", 0.5),
        ("top-k", "7", 7),
        ("max_tokens", "none", None),
        ("seed", "", None),
        ("stop", "END", ("END",)),
        ("mode", "single", "single"),
    ],
)
def test_settings_read_what_is_typed(name: str, text: str, value: object) -> None:
    settings = ChatSettings().with_text(name, text)
    assert getattr(settings, name.replace("-", "_")) == value


@pytest.mark.parametrize(
    ("name", "text"), [("temperature", ""), ("temperature", "hot"), ("top_k", "1.5"), ("mode", "both"), ("colour", "red")]
)
def test_settings_refuse_what_they_cannot_be(name: str, text: str) -> None:
    with pytest.raises(ConfigError):
        ChatSettings().with_text(name, text)
