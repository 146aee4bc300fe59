from __future__ import annotations

from pathlib import Path

import pytest

from picochat.chat.actions import COMMANDS
from picochat.chat.recorder import Recorder
from picochat.chat.store import ConversationStore
from picochat.errors import HistoryError, PicochatError
from tests.chat.history import contents
from tests.chat.test_commands import Recorder as FrontEnd
from tests.fakes import scripted_session


def chat(*replies: str) -> tuple[FrontEnd, ConversationStore]:
    front_end, store = FrontEnd(), ConversationStore(None)
    front_end.session = scripted_session(replies)
    front_end.session.recorder = Recorder(store)
    return front_end, store


def say(front_end: FrontEnd, *texts: str) -> None:
    for text in texts:
        list(front_end.session.reply(text))


def shown(front_end: FrontEnd) -> list[str]:
    return [entry.message.content for entry in front_end.session.conversation.entries]


def test_a_branch_goes_on_in_a_copy_and_the_original_stays() -> None:
    front_end, store = chat("One", "Two", "Three")
    say(front_end, "A", "B")
    COMMANDS.run(front_end, "/branch")
    assert "conversation 2, a branch of 1" in front_end.said[-1]
    say(front_end, "C")
    assert contents(store, 1) == ["A", "One", "B", "Two"]
    assert contents(store, 2) == shown(front_end) == ["A", "One", "B", "Two", "C", "Three"]
    assert (store.load(2).parent, store.load(2).parent_position) == (1, 4)
    COMMANDS.run(front_end, "/history")
    assert "A (branch of 1)" in front_end.said[-1]
    # the model has read all of it already
    assert front_end.session.require_engine().prefilled < 40


@pytest.mark.parametrize("number", ["3", "4"])
def test_a_branch_from_a_message_offers_what_was_said_there(number: str) -> None:
    front_end, store = chat("One", "Two", "Three")
    say(front_end, "A", "B")
    COMMANDS.run(front_end, f"/branch {number}")
    assert shown(front_end) == ["A", "One"]
    assert front_end.calls[-2:] == ["redraw", "edit B"]
    say(front_end, "other")
    assert contents(store, 2) == ["A", "One", "other", "Three"]
    assert contents(store, 1) == ["A", "One", "B", "Two"]


def test_a_branch_from_the_first_message_begins_anew() -> None:
    front_end, store = chat("One", "Two")
    say(front_end, "A")
    COMMANDS.run(front_end, "/branch 1")
    say(front_end, "B")
    assert contents(store, 2) == ["B", "Two"]


def test_a_branch_of_what_could_not_be_saved_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    front_end, store = chat("One", "Two", "Three")
    say(front_end, "A")
    put = store.put

    def full(*_: object) -> None:
        raise HistoryError("Full.")

    monkeypatch.setattr(store, "put", full)
    say(front_end, "B")
    monkeypatch.setattr(store, "put", put)
    COMMANDS.run(front_end, "/branch")
    assert contents(store, 1) == contents(store, 2) == ["A", "One", "B", "Two"]


@pytest.mark.parametrize("line", ["/branch 0", "/branch 3", "/branch -1", "/branch x", "/branch ²", "/branch " + "9" * 5000])
def test_a_branch_from_no_message_is_told_and_changes_nothing(line: str) -> None:
    front_end, store = chat("One")
    say(front_end, "A")
    with pytest.raises(PicochatError, match=r"no message|number of a message"):
        COMMANDS.run(front_end, line)
    assert shown(front_end) == ["A", "One"]
    assert len(store.list()) == 1


def test_what_has_no_branches_says_so() -> None:
    front_end, _ = chat("One")
    with pytest.raises(PicochatError, match="Nothing of this conversation"):
        COMMANDS.run(front_end, "/branch")
    front_end.session.change("mode", "single")
    say(front_end, "A")
    with pytest.raises(PicochatError, match="single prompt"):
        COMMANDS.run(front_end, "/branch")
    with pytest.raises(PicochatError, match="while an answer is coming"):
        COMMANDS.run(front_end, "/branch", answering=True)


def test_deleting_asks_for_the_number_and_leaves_a_new_conversation() -> None:
    front_end, store = chat("One", "Two", "Three")
    say(front_end, "A")
    COMMANDS.run(front_end, "/delete")
    assert "/delete 1" in front_end.said[-1]
    assert contents(store, 1) == shown(front_end) == ["A", "One"]
    COMMANDS.run(front_end, "/delete 1")
    assert (store.list(), shown(front_end), front_end.calls[-1]) == ([], [], "clear")
    say(front_end, "B")
    assert contents(store, 2) == ["B", "Two"]


def test_deleting_another_conversation_leaves_this_one() -> None:
    front_end, store = chat("One", "Two", "Three")
    say(front_end, "A")
    COMMANDS.run(front_end, "/reset")
    say(front_end, "B")
    COMMANDS.run(front_end, "/delete 1")
    assert "'A', is deleted" in front_end.said[-1]
    say(front_end, "C")
    assert [entry.id for entry in store.list()] == [2]
    assert contents(store, 2) == ["B", "Two", "C", "Three"]


@pytest.mark.parametrize("line", ["/delete x", "/delete 9", "/delete -1", "/delete ²", "/delete " + "9" * 5000, "/resume ²"])
def test_deleting_what_is_not_there_is_told(line: str) -> None:
    front_end, store = chat("One")
    say(front_end, "A")
    with pytest.raises(PicochatError, match="conversation"):
        COMMANDS.run(front_end, line)
    assert len(store.list()) == 1


def test_in_single_mode_the_last_prompt_is_the_conversation_at_hand(tmp_path: Path) -> None:
    front_end, store = chat("One", "Two", "Three")
    say(front_end, "A")
    front_end.session.change("mode", "single")
    say(front_end, "B")
    COMMANDS.run(front_end, "/rename Alone")
    assert [entry.title for entry in store.list()] == ["Alone", "A"]
    COMMANDS.run(front_end, f"/export {tmp_path / 'b.md'}")
    assert "mode: single" in (tmp_path / "b.md").read_text()
    COMMANDS.run(front_end, "/history")
    assert "Alone (single prompt)" in front_end.said[-1]
    COMMANDS.run(front_end, "/delete 2")
    assert [entry.title for entry in store.list()] == ["A"]
    assert shown(front_end) == ["A", "One"]
    # the prompt is gone, so its new answer begins another
    list(front_end.session.regenerate())
    assert contents(store, 3) == ["B", "Three"]
