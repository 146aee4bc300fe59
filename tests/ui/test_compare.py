from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot

from picochat.chat.comparison import Column, Comparison, compare, timeline
from picochat.chat.session import ChatSession
from picochat.errors import CheckpointError
from picochat.inference.engine import Engine, Token
from picochat.ui.screens.compare import LEAST_WIDTH, CompareScreen
from picochat.ui.work import AnswerEnded, ColumnText
from tests.fakes import scripted_session

SIZES = [(60, 20), (80, 24), (120, 40)]
NOTHING = "nothing yet"


class Host(App[None]):
    """Shows a comparison and remembers what it closed with."""

    def __init__(self, comparison: Comparison) -> None:
        super().__init__()
        self.compare = CompareScreen(comparison)
        self.result: Column | str | None = NOTHING

    def on_mount(self) -> None:
        self.push_screen(self.compare, self.closed)

    def closed(self, result: Column | None) -> None:
        self.result = result


async def wait_until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the screen never got there"
        await pilot.pause(0.01)


def answered(replies: list[str], **options: object) -> ChatSession:
    """A session whose last answer is the first of the replies."""
    session = scripted_session(replies, **options)
    list(session.reply("Hi [b]"))
    return session


def slow(*replies: str) -> ChatSession:
    session = scripted_session(["Hello", *replies], context=8192)
    list(session.reply("Hi"))
    session.require_engine().backend.delay = 0.005  # type: ignore[attr-defined]
    return session


def over(app: Host) -> Callable[[], bool]:
    """Whether all answers have come."""
    return lambda: app.compare.job is None and all(c.state != "waiting" for c in app.compare.comparison.columns)


def texts(app: Host) -> list[str]:
    return [view.text for view in app.compare.views]


def titles(app: Host) -> list[str]:
    return [str(view.title.render()) for view in app.compare.views]


def shown(app: Host, index: int) -> str:
    view = app.compare.views[index]
    return f"{view.body.render()}\n{view.status.render()}"


@pytest.mark.parametrize("size", SIZES)
async def test_answers_come_in_columns_and_one_is_taken(size: tuple[int, int]) -> None:
    session = answered(["Hello", "Cold [/x]", "Hot\x1b[31m", "Odd"])
    comparison = compare(session, "temperature=0.2 temperature=1.5 wild")
    app = Host(comparison)
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, over(app))
        assert texts(app) == ["Hello", "Cold [/x]", "Hot\x1b[31m", "Odd"]
        assert shown(app, 1).startswith("Cold [/x]\n10 tokens")
        assert "end of turn" in shown(app, 1)
        assert "\x1b" not in shown(app, 2)
        assert str(app.compare.query_one("#asked").render()) == "Compare: Hi [b]"
        assert titles(app)[0].startswith("▶ 1/4 kept")
        await pilot.press("right", "right", "right", "right", "left")
        assert [title[0] for title in titles(app)] == [" ", " ", "▶", " "]
        view = app.compare.views[2]
        await wait_until(pilot, lambda: app.compare.columns.region.contains_region(view.region))
        assert view.size.width >= LEAST_WIDTH - 2
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.result is not NOTHING)
        assert app.result is comparison.columns[2]
        # keeping is the caller's part
        assert session.conversation.entries[-1].message.content == "Hello"


async def test_choosing_the_answer_that_was_there_changes_nothing() -> None:
    app = Host(compare(answered(["Hello", "Howdy"])))
    async with app.run_test() as pilot:
        await wait_until(pilot, over(app))
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.result is None)


async def test_escape_stops_first_and_closes_then() -> None:
    session = slow("x" * 6000, "y" * 6000)
    comparison = compare(session, "seed=1 seed=2 model=never.pt")
    app = Host(comparison)
    async with app.run_test(size=(120, 40)) as pilot:
        # both grow at once
        await wait_until(pilot, lambda: len(texts(app)[1]) > 5 and len(texts(app)[2]) > 5)
        assert shown(app, 3) == "\nwaiting"
        await pilot.press("escape")
        await wait_until(pilot, over(app))
        assert app.result is NOTHING
        for index in (1, 2):
            assert 5 < len(texts(app)[index]) < 6000
            assert texts(app)[index] == comparison.columns[index].text
            assert "stopped" in shown(app, index)
        assert shown(app, 3) == "\nnot answered"
        await pilot.press("right", "right", "right", "enter")  # nothing there to take
        await pilot.pause()
        assert app.result is NOTHING
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.result is None)
        assert [entry.message.content for entry in session.conversation.entries] == ["Hi", "Hello"]


async def test_ctrl_c_stops_and_closes_too() -> None:
    app = Host(compare(slow("x" * 6000)))
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: texts(app)[1])
        await pilot.press("ctrl+c")
        await wait_until(pilot, over(app))
        assert app.result is NOTHING
        await pilot.press("ctrl+c")
        await wait_until(pilot, lambda: app.result is None)


async def test_a_finished_answer_can_be_taken_while_others_come() -> None:
    session = slow("Quick", "x" * 6000)
    comparison = compare(session, "seed=1 seed=2")
    app = Host(comparison)
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: texts(app)[2])
        await pilot.press("right", "right", "enter")  # still coming
        await pilot.pause()
        assert app.result is NOTHING
        assert app.compare.drawing
        await pilot.press("left", "enter")
        await wait_until(pilot, lambda: app.result is not NOTHING)
        assert app.result is comparison.columns[1]
        # the chat's model is free again
        assert not comparison.busy
        assert comparison.columns[2].state == "done"
        session.require_engine().backend.delay = 0  # type: ignore[attr-defined]
        comparison.keep(comparison.columns[1])
        list(session.reply("More"))
        assert [entry.message.content for entry in session.conversation.entries][:2] == ["Hi", "Quick"]


async def test_one_column_fails_and_one_is_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    session = answered(["Hello", "Own"])
    go = threading.Event()

    def load(path: Path) -> Engine:
        if path.name == "slow.pt":
            go.wait(60)
        raise CheckpointError(f"{path} is [damaged].")

    monkeypatch.setattr(session, "open", load)
    app = Host(compare(session, "model=bad.pt seed=1 model=slow.pt model=later.pt"))
    async with app.run_test(size=(120, 40)) as pilot:
        await wait_until(pilot, lambda: shown(app, 3) == "\nloading the model")
        assert shown(app, 1) == "Error: bad.pt is [damaged].\nfailed"
        assert texts(app)[2] == "Own"
        assert shown(app, 4) == "\nwaiting"
        await pilot.press("right", "enter")
        await pilot.pause()
        assert app.result is NOTHING
        # a model that is still loading keeps nobody waiting
        await pilot.press("escape", "escape")
        await wait_until(pilot, lambda: app.result is None)
        go.set()


async def test_a_late_message_of_another_run_is_ignored() -> None:
    app = Host(compare(slow("x" * 6000)))
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: texts(app)[1])
        assert app.compare.job is not None
        old, column = app.compare.job.run - 1, app.compare.comparison.columns[1]
        app.compare.post_message(ColumnText(old, {column: [Token(1, "LATE", 0.0, 0.0)]}))
        app.compare.post_message(AnswerEnded(old))
        await pilot.pause()
        assert app.compare.job is not None
        assert "LATE" not in texts(app)[1]


async def test_quitting_while_answers_come_ends_at_once() -> None:
    app = Host(compare(slow("x" * 6000)))
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: texts(app)[1])
        job = app.compare.job
        assert job is not None
        app.exit()
    assert job.stopped()
    assert job.join(30)


async def test_a_long_answer_is_followed_until_the_reader_scrolls_up() -> None:
    app = Host(compare(slow("word \n" * 1000)))
    async with app.run_test(size=(80, 24)) as pilot:
        scroll = app.compare.views[1].scroll
        await wait_until(pilot, lambda: scroll.max_scroll_y > 3 and scroll.is_vertical_scroll_end)
        await pilot.press("right", "up", "up", "up")
        await pilot.pause(0.3)
        position, length = scroll.scroll_offset.y, len(texts(app)[1])
        await wait_until(pilot, lambda: len(texts(app)[1]) > length + 30)
        assert scroll.scroll_offset.y == position < scroll.max_scroll_y
        assert app.compare.views[0].scroll.scroll_offset.y == 0


async def test_columns_share_the_width_anew_when_it_changes() -> None:
    app = Host(compare(answered(["Hello", "A", "B", "C"]), "seed=1 seed=2 seed=3"))
    async with app.run_test(size=(60, 20)) as pilot:
        await wait_until(pilot, over(app))
        assert [view.outer_size.width for view in app.compare.views] == [30] * 4
        await pilot.press("right", "right", "right")
        await pilot.resize_terminal(120, 30)
        await wait_until(pilot, lambda: app.compare.columns.max_scroll_x == 0)
        assert [view.outer_size.width for view in app.compare.views] == [30] * 4
        await pilot.resize_terminal(20, 10)
        last = app.compare.views[3]
        await wait_until(pilot, lambda: last.outer_size.width == 20 and last.region.x == 0)


async def test_tab_and_the_mouse_choose_a_column() -> None:
    app = Host(compare(answered(["Hello", "A", "B"]), "seed=1 seed=2"))
    async with app.run_test(size=(120, 30)) as pilot:
        await wait_until(pilot, over(app))
        await pilot.press("tab")
        await wait_until(pilot, lambda: app.compare.chosen == 1)
        await pilot.click(app.compare.views[2].scroll)
        await wait_until(pilot, lambda: app.compare.chosen == 2)
        assert [title[0] for title in titles(app)] == [" ", " ", "▶"]


async def test_the_model_of_a_timeline_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    session = ChatSession()
    monkeypatch.setattr(session, "open", lambda path: scripted_session([f"I am {path}"]).require_engine())
    app = Host(timeline(session, [("step 1", Path("1.pt")), ("step 2", Path("2.pt"))], "Who are you?"))
    async with app.run_test() as pilot:
        await wait_until(pilot, over(app))
        assert texts(app) == ["I am 1.pt", "I am 2.pt"]
        assert str(app.compare.query_one("#asked").render()) == "Timeline: Who are you?"
        await pilot.press("right", "enter")
        await wait_until(pilot, lambda: isinstance(app.result, Column))
        assert isinstance(app.result, Column)
        assert app.result.model == Path("2.pt")
        assert session.conversation.entries == []
