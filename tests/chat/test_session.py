from __future__ import annotations

from pathlib import Path

import pytest

from picochat.chat.actions import COMMANDS
from picochat.chat.session import ChatSession
from picochat.chat.settings import SINGLE_MAX_TOKENS, ChatSettings
from picochat.errors import CheckpointError, ConfigError, PicochatError
from picochat.inference.engine import Token
from tests.chat.test_commands import Recorder
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


def test_a_draft_guesses_for_models_with_the_same_tokenizer(chat_model: Path, text_model: Path) -> None:
    plain, drafted = (ChatSession(ChatSettings(temperature=0), device="cpu", draft=draft) for draft in (None, chat_model))
    for session in (plain, drafted):
        session.load(chat_model)
    assert ask(drafted, "Hi, I'm Ada.") == ask(plain, "Hi, I'm Ada.")
    assert drafted.require_engine().draft is not None
    front_end = Recorder()
    front_end.session = drafted
    COMMANDS.run(front_end, "/status")
    assert "draft     best.pt" in front_end.said[-1]
    # one with another tokenizer writes without
    drafted.load(text_model)
    assert drafted.require_engine().draft is None
    COMMANDS.run(front_end, "/status")
    assert "has another tokenizer" in front_end.said[-1]


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
    assert session.mode == "single"
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


def contents(session: ChatSession) -> list[str]:
    return [entry.message.content for entry in session.conversation.entries]


def test_regenerating_replaces_the_last_answer_only() -> None:
    session = scripted_session(["One", "Two", "Three"])
    ask(session, "A")
    ask(session, "B")
    assert "".join(token.text for token in session.regenerate()) == "Three"
    assert contents(session) == ["A", "One", "B", "Three"]


def test_a_regeneration_that_is_stopped_at_once_gives_the_old_answer_back() -> None:
    session = scripted_session(["One"])
    ask(session, "A")
    list(session.regenerate(lambda: True))
    assert contents(session) == ["A", "One"]


def test_nothing_to_regenerate_undo_or_continue_is_told() -> None:
    session = scripted_session([])
    for wish in (session.regenerate, session.resume, session.undo):
        with pytest.raises(PicochatError, match="There is no"):
            wish()


def test_a_single_prompt_can_be_answered_again() -> None:
    session = scripted_session(["One", "Two"], ChatSettings(mode="single"))
    ask(session, "A")
    assert "".join(token.text for token in session.regenerate()) == "Two"
    assert contents(session) == []


def test_a_cut_answer_goes_on_where_it_ended() -> None:
    session = scripted_session(["Hello", " there"], ChatSettings(max_tokens=3))
    ask(session, "Hi")
    assert contents(session) == ["Hi", "Hel"]
    session.change("max_tokens", "")
    list(session.resume())
    assert contents(session) == ["Hi", "Hel there"]
    assert session.require_engine().tokenizer.decode(session.conversation.entries[-1].ids or []) == "Hel there"


def test_a_real_answer_in_two_parts_is_the_same_as_in_one(chat_model: Path) -> None:
    def chat() -> ChatSession:
        session = ChatSession(ChatSettings(temperature=0), device="cpu")
        session.load(chat_model)
        return session

    whole, parts = chat(), chat()
    expected = ask(whole, "Hi, I'm Ada.")
    parts.change("max_tokens", "3")
    ask(parts, "Hi, I'm Ada.")
    parts.change("max_tokens", "")
    list(parts.resume())
    assert contents(parts)[-1] == expected
    assert parts.conversation.entries[-1].ids == whole.conversation.entries[-1].ids


def test_an_answer_can_go_on_from_another_token(chat_model: Path) -> None:
    session = ChatSession(ChatSettings(temperature=0), device="cpu")
    session.load(chat_model)
    ask(session, "Hi, I'm Ada.")
    tokens = session.conversation.entries[-1].tokens
    other = next(choice for choice in tokens[1].alternatives if choice.id != tokens[1].id)
    opening = (tokens[0], Token(other.id, other.text, other.logprob, 0.0))
    list(session.resume(opening))
    assert session.conversation.entries[-1].ids is not None
    assert session.conversation.entries[-1].ids[:2] == [tokens[0].id, other.id]


def test_undo_gives_the_words_back() -> None:
    session = scripted_session(["One", "Two"])
    ask(session, "A")
    ask(session, "B")
    assert session.undo() == "B"
    assert contents(session) == ["A", "One"]


def test_resetting_while_an_answer_comes_keeps_the_new_conversation_empty() -> None:
    session = scripted_session(["Hello"])
    for index, _ in enumerate(session.reply("Hi")):
        if index == 2:
            session.reset()
    assert contents(session) == []


def test_a_model_taken_during_an_answer_does_not_mix_tokens(chat_model: Path) -> None:
    session = ChatSession(ChatSettings(seed=1), device="cpu")
    session.load(chat_model)
    other = scripted_session(["Fine."]).require_engine()
    for index, _ in enumerate(session.reply("Hi, I'm Ada.")):
        if index == 1:
            session.use(other)
    assert session.conversation.entries[-1].ids is None
    assert ask(session, "More") == "Fine."


def test_a_system_prompt_longer_than_the_window_leaves_room_for_the_question() -> None:
    session = scripted_session(["ok"], ChatSettings(system="s" * 400), context=256)
    ask(session, "What is your name?")
    assert session.last is not None
    seen = "".join(map(session.require_engine().tokenizer.piece, session.last.prompt.ids))
    assert seen.startswith("<|endoftext|><|im_start|>system\nsss")
    assert "What is your name?<|im_end|>" in seen
    assert any("system prompt" in note for note in session.last.prompt.notes())


def test_going_on_at_the_end_of_the_window_keeps_the_question() -> None:
    session = scripted_session(["x" * 300, "yes"], context=128)
    ask(session, "Why?")
    assert session.conversation.entries[-1].stop == "context"
    list(session.resume())
    assert session.last is not None
    seen = "".join(map(session.require_engine().tokenizer.piece, session.last.prompt.ids))
    assert "<|im_start|>user\nWhy?<|im_end|>" in seen
    assert session.conversation.entries[-1].message.content.endswith("xyes")


def test_an_answer_can_be_ended_early() -> None:
    session = scripted_session(["Hello there"])
    ask(session, "Hi")
    session.end_answer(tuple(session.tokens_of()[:5]))
    assert contents(session)[-1] == "Hello"
    assert session.conversation.entries[-1].stop == "end"


def test_a_text_model_stops_at_the_end_of_its_document_and_a_chat_model_chats_again(
    text_model: Path, chat_model: Path
) -> None:
    session = ChatSession(ChatSettings(temperature=0), device="cpu")
    engine = session.load(text_model)
    assert list(session.reply("x"))
    assert engine.tokenizer.end_of_text not in (session.last.ids if session.last else [])
    session.load(chat_model)
    assert session.mode == "conversation"
    ask(session, "Hi, I'm Ada.")
    assert len(session.conversation.entries) == 2


def test_reset_empties_the_window_too() -> None:
    session = scripted_session(["Hello"])
    ask(session, "Hi")
    assert session.context_used > 0
    session.reset()
    assert session.context_used == 0


def test_the_meter_follows_the_conversation_and_not_only_the_cache() -> None:
    session = scripted_session(["A long answer to the first question.", "Another."])
    for text in ("One", "Two"):
        list(session.reply(text))
    full = session.context_used
    assert full == session.require_engine().cached
    session.undo()
    half = session.context_used
    assert 0 < half < full
    assert half > len("One" + "A long answer to the first question.")
    session.reset()
    assert session.context_used == 0
