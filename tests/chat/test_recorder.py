from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from picochat.chat.actions import COMMANDS
from picochat.chat.recorder import Recorder
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.chat.store import ConversationStore, StoredMessage
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


def test_more_than_a_turn_that_is_taken_back_stays_in_a_branch() -> None:
    session, store = recorded(["One", "Two", "Three"])
    for text in ("A", "B", "C"):
        ask(session, text)
    assert session.take_back(4) == ("C", None)
    whole = saved(store)
    text, branch = session.take_back(0)
    assert text == "A"
    assert branch is not None
    assert saved(store, branch) == whole
    assert saved(store, 1) == session.conversation.entries == []


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


# -- single prompts -------------------------------------------------------------------------------------------------------


def test_each_single_prompt_is_a_conversation_of_its_own_with_how_it_was_drawn() -> None:
    session, store = recorded(["One", "Two"], ChatSettings(mode="single", seed=5, system="Be kind."))
    ask(session, "A")
    ask(session, "B")
    both = store.list()
    assert [(entry.title, entry.mode, entry.messages) for entry in both] == [("B", "single", 2), ("A", "single", 2)]
    told = store.load(both[1].id)
    assert [message.content for message in told.messages] == ["A", "One"]
    assert told.system == "Be kind."
    answer = told.messages[1]
    assert (answer.seed, answer.stop, answer.tokens, answer.settings["top_k"]) == (5, "end", 4, 20)
    assert session.conversation.entries == []


def test_a_single_prompt_answered_anew_has_the_new_answer_only() -> None:
    session, store = recorded(["One", "Two", "Three", "Four"], ChatSettings(mode="single"))
    ask(session, "A")
    list(session.regenerate())
    assert [entry.title for entry in store.list()] == ["A"]
    assert saved(store) == [("user", "A"), ("assistant", "Two")]
    # stopped before its first word: there is nothing of it to keep, and nothing to put in the place of A's answer
    list(session.reply("B", lambda: True))
    list(session.regenerate())
    assert [entry.title for entry in store.list()] == ["B", "A"]
    assert saved(store, store.list()[1].id) == [("user", "A"), ("assistant", "Two")]


def test_single_prompts_leave_the_conversation_alone() -> None:
    session, store = recorded(["One", "Two", "Three"])
    ask(session, "A")
    conversation = store.latest()
    session.change("mode", "single")
    ask(session, "B")
    session.change("mode", "conversation")
    ask(session, "C")
    assert [entry.messages for entry in store.list()] == [4, 2]
    assert [content for _, content in saved(store, conversation)] == ["A", "One", "C", "Three"]


def test_a_single_prompt_is_taken_up_as_one_and_may_become_a_conversation() -> None:
    session, store = recorded(["One", "Two", "Three"], ChatSettings(mode="single"))
    ask(session, "A")
    number = store.latest()
    assert session.recorder is not None
    session.change("mode", "conversation")
    session.recorder.resume(session, number)
    assert session.mode == "single"
    list(session.regenerate())
    assert saved(store, number) == [("user", "A"), ("assistant", "Two")]
    assert store.list()[0].mode == "single"
    session.change("mode", "conversation")
    ask(session, "B")
    (entry,) = store.list()
    assert (entry.id, entry.mode, entry.messages) == (number, "conversation", 4)


def test_what_a_model_of_plain_text_went_on_with_is_saved_too(text_model: Path) -> None:
    session, store = recorded([], ChatSettings(temperature=0, system="Be kind.", max_tokens=10))
    session.load(text_model)
    ask(session, "The quick brown")
    told = store.load(store.latest() or 0)
    assert (told.mode, told.system, told.title) == ("single", None, "The quick brown")
    assert told.messages[1].content.startswith(" fox")
    assert told.messages[1].model_digest is not None
    # taken up again, it goes on where it ended
    assert session.recorder is not None
    session.recorder.resume(session, told.id)
    list(session.resume())
    again = store.load(told.id).messages[1]
    assert again.content.startswith(told.messages[1].content)
    assert "The quick" not in again.content[: len(told.messages[1].content) + 5]


# -- what is taken up again -----------------------------------------------------------------------------------------------


def test_footnotes_are_the_same_after_taking_it_up_again() -> None:
    session, store = recorded(["Hello there", "Stopped"], ChatSettings(seed=7))
    ask(session, "A")
    assert session.last is not None
    first = session.last.footnote
    assert first.startswith("12 tokens, ")
    assert first.endswith(" a second, seed 7, end of turn")
    said: list[object] = []
    for token in session.reply("B", lambda: len(said) >= 1):
        said.append(token)
    second = session.last.footnote
    assert second == "1 token, seed 7, stopped"
    live = [entry.footnote for entry in session.conversation.entries]
    assert live == ["", first, "", second]
    assert session.recorder is not None
    session.recorder.resume(session, None)
    assert [entry.footnote for entry in session.conversation.entries] == live
    assert store.load(1).messages[1].first_token_seconds is not None


def test_an_answer_of_which_little_is_known_says_that_much() -> None:
    session, store = recorded([])
    number = store.create()
    store.put(number, 0, StoredMessage("user", "A"))
    store.put(number, 1, StoredMessage("assistant", "One", stop="by magic", seed=3))
    store.put(number, 2, StoredMessage("user", "B"))
    store.put(number, 3, StoredMessage("assistant", "Two"))
    assert session.recorder is not None
    session.recorder.resume(session, number)
    assert [entry.footnote for entry in session.conversation.entries] == ["", "seed 3", "", ""]


def test_the_system_prompt_is_saved_when_it_changes_and_taken_up_again() -> None:
    session, store = recorded(["One", "Two"], ChatSettings(system="Be kind."))
    ask(session, "A")
    session.change("system", "Be brief.")
    assert store.load(1).system == "Be brief."
    session.change("temperature", "0.5")
    session.reset()
    session.change("system", "Of the next one.")
    assert store.load(1).system == "Be brief."
    assert session.recorder is not None
    session.recorder.resume(session, 1)
    assert (session.settings.system, session.conversation.system) == ("Be brief.", "Be brief.")
    assert session.settings.temperature == 0.5
    session.change("system", "none")
    assert store.load(1).system is None
    session.change("system", "Mine")
    session.reset()
    ask(session, "B")
    session.recorder.resume(session, 1)
    session.recorder.resume(session, 2, keep=("mode",))
    assert session.settings.system == "Mine"


def test_what_was_asked_for_stays_when_a_conversation_is_taken_up() -> None:
    session, store = recorded(["One", "Two"], ChatSettings(system="Saved."))
    ask(session, "A")
    session, _ = recorded(["Two"], ChatSettings(system="Asked for.", mode="single"))
    session.recorder = Recorder(store)
    session.recorder.resume(session, None, keep={"system"})
    assert (session.settings.system, session.mode) == ("Asked for.", "conversation")
    ask(session, "B")
    assert store.load(1).system == "Asked for."


def test_how_an_answer_was_drawn_stays_known_when_it_is_saved_again() -> None:
    session, store = recorded(["Hello there"], ChatSettings(seed=5))
    ask(session, "A")
    session.end_answer(tuple(session.tokens_of()[:5]))
    answer = store.load(1).messages[1]
    assert (answer.content, answer.stop, answer.tokens) == ("Hello", "end", 5)
    assert (answer.seed, answer.model, answer.settings["top_k"]) == (5, "scripted.pt", 20)
    assert session.conversation.entries[-1].footnote == "5 tokens, seed 5, end of turn"


# -- trouble --------------------------------------------------------------------------------------------------------------


def test_what_a_full_disk_kept_from_being_saved_is_made_up_for(tmp_path: Path) -> None:
    session = scripted_session(["One", "x" * 300, "y" * 300, "Four"], ChatSettings(seed=5))
    store, told = ConversationStore(tmp_path / "history.sqlite3"), list[str]()
    session.recorder = Recorder(store, told.append)
    ask(session, "A")
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    ask(session, "B " * 2000)
    ask(session, "C " * 2000)
    session.change("system", "Long. " * 2000)
    assert len(told) == 1
    assert "disk is full" in told[0]
    assert told[0].endswith("The chat goes on, unsaved.")
    assert len(session.conversation.entries) == 6
    assert saved(store) == [("user", "A"), ("assistant", "One")]
    store._connection.execute("PRAGMA max_page_count = 100000")
    ask(session, "D")
    told_of = store.load(1)
    assert [message.content for message in told_of.messages] == [
        entry.message.content for entry in session.conversation.entries
    ]
    assert len(told_of.messages) == 8
    assert (told_of.messages[3].seed, told_of.messages[3].model) == (5, "scripted.pt")
    assert told_of.system == ("Long. " * 2000).strip()


def test_a_single_prompt_on_a_full_disk_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    session, store = recorded(["One", "Two", "Three"], ChatSettings(mode="single"))
    told: list[str] = []
    assert session.recorder is not None
    session.recorder.problem = told.append

    def full(*_: object) -> None:
        raise HistoryError("The history is full.")

    monkeypatch.setattr(store, "put", full)
    ask(session, "A")
    ask(session, "B")
    assert told == ["The history is full. The chat goes on, unsaved."]
    monkeypatch.undo()
    ask(session, "C")
    assert [entry.title for entry in store.list()] == ["C"]


def test_a_model_written_over_the_old_one_has_a_digest_of_its_own(chat_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    path.write_bytes(chat_model.read_bytes())
    session, store = recorded([], ChatSettings(max_tokens=2, seed=1))
    session.load(path)
    ask(session, "Hi, I'm Ada.")
    path.write_bytes(chat_model.read_bytes() + b"\0")
    ask(session, "More")
    assert session.recorder is not None
    info = session.require_engine().info
    first = session.recorder.digest(info)
    assert [message.model_digest for message in store.load(1).messages if message.role == "assistant"] == [first] * 2
    # as loading it again would tell of it
    assert session.recorder.digest(replace(info)) not in (None, first)


def test_two_chats_on_one_conversation_lose_nothing_of_each_other() -> None:
    session, store = recorded(["One", "Two", "Three"])
    ask(session, "A")
    told: list[str] = []
    other = scripted_session(["Other one", "Other two"])
    other.recorder = Recorder(store, told.append)
    other.recorder.resume(other, None)
    ask(session, "B")
    ask(other, "C")
    ask(other, "D")
    ask(session, "E")
    mine, theirs = sorted(store.list(), key=lambda summary: summary.id)
    begun = [("user", "A"), ("assistant", "One")]
    assert saved(store, mine.id) == [*begun, ("user", "B"), ("assistant", "Two"), ("user", "E"), ("assistant", "Three")]
    assert saved(store, theirs.id) == [
        *begun, ("user", "C"), ("assistant", "Other one"), ("user", "D"), ("assistant", "Other two")
    ]  # fmt: skip
    assert told == ["Another chat has changed this conversation or deleted it; here it goes on as a new one."]


def test_a_conversation_that_another_chat_deletes_is_saved_anew() -> None:
    session, store = recorded(["One", "Two"])
    ask(session, "A")
    store.delete(store.latest() or 0)
    ask(session, "B")
    assert [content for _, content in saved(store)] == ["A", "One", "B", "Two"]


def test_another_answer_joins_its_own_question_after_a_change_of_mode() -> None:
    session, store = recorded(["One", "Two", "Three"], ChatSettings(mode="single"))
    ask(session, "A")
    session.change("mode", "conversation")
    ask(session, "B")
    session.change("mode", "single")
    list(session.regenerate())
    talks = [[content for _, content in saved(store, summary.id)] for summary in store.list()]
    assert sorted(talks) == [["A", "One"], ["B", "Three"], ["B", "Two"]]
