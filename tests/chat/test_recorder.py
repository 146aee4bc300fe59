from __future__ import annotations

import json
from pathlib import Path

import pytest

from picochat.chat.actions import COMMANDS
from picochat.chat.recorder import Recorder
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.chat.store import ConversationStore
from picochat.errors import HistoryError, PicochatError
from picochat.text.corpus import Conversation, read_corpus
from tests.chat.test_commands import Recorder as FrontEnd
from tests.fakes import scripted_session


def recorded(replies: list[str], settings: ChatSettings | None = None) -> tuple[ChatSession, ConversationStore]:
    session = scripted_session(replies, settings)
    store = ConversationStore(None)
    session.recorder = Recorder(store)
    return session, store


def ask(session: ChatSession, text: str) -> None:
    list(session.reply(text))


def saved(store: ConversationStore, number: int | None = None) -> list[tuple[str, str]]:
    latest = store.latest() if number is None else number
    assert latest is not None
    return [(message.role, message.content) for message in store.load(latest).messages]


def test_every_answer_is_saved_as_it_comes_with_how_it_was_drawn() -> None:
    session, store = recorded(["One", "Two"], ChatSettings(seed=5, temperature=0.5))
    ask(session, "A")
    assert saved(store) == [("user", "A"), ("assistant", "One")]
    ask(session, "B")
    assert saved(store) == [("user", "A"), ("assistant", "One"), ("user", "B"), ("assistant", "Two")]
    answer = store.load(store.latest() or 0).messages[1]
    assert (answer.seed, answer.stop, answer.settings["temperature"], answer.tokens) == (5, "end", 0.5, 4)
    assert answer.model == "scripted.pt"


def test_regenerate_undo_and_reset_are_followed() -> None:
    session, store = recorded(["One", "Two", "Three", "Four"])
    ask(session, "A")
    ask(session, "B")
    list(session.regenerate())
    assert saved(store)[-1] == ("assistant", "Three")
    assert len(saved(store)) == 4
    session.undo()
    assert saved(store) == [("user", "A"), ("assistant", "One")]
    session.reset()
    ask(session, "New")
    assert [summary.messages for summary in store.list()] == [2, 2]


def test_a_conversation_is_taken_up_again_and_goes_on() -> None:
    session, store = recorded(["One"], ChatSettings(system="Be kind."))
    ask(session, "A")
    session, _ = recorded(["Two"])
    session.recorder = Recorder(store)
    session.recorder.resume(session, None)
    assert session.conversation.system == "Be kind."
    ask(session, "B")
    assert saved(store) == [("user", "A"), ("assistant", "One"), ("user", "B"), ("assistant", "Two")]
    with pytest.raises(HistoryError):
        session.recorder.resume(session, 99)
    assert len(session.conversation.entries) == 4


def test_a_stopped_answer_is_saved_as_stopped() -> None:
    session, store = recorded(["Hello"])
    said = []
    for token in session.reply("Hi", lambda: len(said) >= 2):
        said.append(token)
    assert saved(store)[-1] == ("assistant", "He")
    assert store.load(store.latest() or 0).messages[-1].stop == "cancelled"


def test_a_store_that_fails_is_told_once_and_the_chat_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    session, store = recorded(["One", "Two"])
    told: list[str] = []
    assert session.recorder is not None
    session.recorder.problem = told.append

    def full(*_: object) -> int:
        raise HistoryError("The history is full.")

    monkeypatch.setattr(store, "create", full)
    ask(session, "A")
    ask(session, "B")
    assert len(session.conversation.entries) == 4
    assert told == ["The history is full. The chat goes on, unsaved."]
    monkeypatch.undo()
    session.recorder.keep(session.conversation, 2)
    assert len(saved(store)) == 4


def test_the_model_file_is_hashed(chat_model: Path) -> None:
    session, store = recorded([])
    session.load(chat_model)
    ask(session, "Hi, I'm Ada.")
    digest = store.load(store.latest() or 0).messages[-1].model_digest
    assert digest is not None
    assert len(digest) == 64


def test_commands_list_search_rename_resume_and_export(tmp_path: Path) -> None:
    front_end = FrontEnd()
    front_end.session, store = recorded(["Soup it is", "Sure"])
    with pytest.raises(PicochatError, match="Nothing of this conversation"):
        COMMANDS.run(front_end, "/rename x")
    ask(front_end.session, "What shall I eat?")
    COMMANDS.run(front_end, "/rename Dinner [plans]")
    COMMANDS.run(front_end, "/history")
    COMMANDS.run(front_end, "/history soup")
    COMMANDS.run(front_end, "/history zebra")
    assert "2 messages  Dinner [plans]" in front_end.said[1]
    assert "Soup it is" in front_end.said[2]
    assert "Nothing with 'zebra'" in front_end.said[3]
    COMMANDS.run(front_end, "/reset")
    COMMANDS.run(front_end, "/resume")
    assert [entry.message.content for entry in front_end.session.conversation.entries] == ["What shall I eat?", "Soup it is"]
    assert "redraw" in front_end.calls
    for name in ("a.md", "a.jsonl"):
        COMMANDS.run(front_end, f"/export {tmp_path / name}")
    assert "Soup it is" in (tmp_path / "a.md").read_text()
    (document,) = read_corpus(tmp_path / "a.jsonl")
    assert isinstance(document, Conversation)
    with pytest.raises(PicochatError, match="is there already"):
        COMMANDS.run(front_end, f"/export {tmp_path / 'a.md'}")
    with pytest.raises(PicochatError, match="number"):
        COMMANDS.run(front_end, "/resume dinner")
    front_end.session.recorder = None
    with pytest.raises(PicochatError, match="not saved"):
        COMMANDS.run(front_end, "/history")
    assert json.loads((tmp_path / "a.jsonl").read_text())["messages"][0]["role"] == "user"
    assert store.latest() is not None
