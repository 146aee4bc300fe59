"""The keyboard's cursor over the messages, and what its keys ask for."""

from __future__ import annotations

import pytest
from textual.geometry import Offset
from textual.widgets import Input

from picochat.ui.said import Note, Said
from picochat.ui.widgets.message import FOLDED_LINES, MessageView
from picochat.ui.widgets.transcript import Transcript
from tests.ui.hosts import TranscriptHost, screen_lines, settle, shown, talk, tokens

SIZE = (80, 24)

CONVERSATION = [
    Said("user", "question [0]", index=0),
    Said("assistant", "answer 1", tokens("answer 1", alternatives=True), index=1),
    Note("a note"),
    Said("user", "question 2", index=2),
    Said("assistant", "answer 3", tokens("answer 3"), index=3),
]


def marked(app: TranscriptHost) -> list[int | None]:
    return [view.said.index for view in app.query(MessageView) if view.marked and view.has_class("-cursor")]


async def start(pilot) -> TranscriptHost:
    app: TranscriptHost = pilot.app
    app.transcript.show(
        [
            Said(item.role, item.text, item.tokens, index=item.index) if isinstance(item, Said) else item
            for item in CONVERSATION
        ]
    )
    app.transcript.focus()
    await settle(pilot)
    return app


async def test_up_and_down_go_over_messages_and_past_notes() -> None:
    async with TranscriptHost().run_test(size=SIZE) as pilot:
        app = await start(pilot)
        assert marked(app) == [3]
        places = []
        for key in ("up", "k", "up", "up", "down", "j", "down", "down"):
            await pilot.press(key)
            places += marked(app)
        assert places == [2, 1, 0, 0, 1, 2, 3, 3]


async def test_the_cursor_is_more_than_a_colour_and_goes_with_the_focus() -> None:
    async with TranscriptHost().run_test(size=SIZE) as pilot:
        app = await start(pilot)
        await pilot.press("up")
        await settle(pilot)
        assert [line.strip() for line in screen_lines(pilot) if "▶" in line] == ["█ ▶ You"]
        app.query_one(Input).focus()
        await settle(pilot)
        assert "▶" not in "\n".join(screen_lines(pilot))
        app.transcript.focus()
        await settle(pilot)
        assert marked(app) == [2]


@pytest.mark.parametrize(
    ("at", "key", "asked"),
    [
        (3, "c", Transcript.CopyRequested(3, "answer 3")),
        (0, "enter", Transcript.CopyRequested(0, "question [0]")),
        (2, "e", Transcript.EditRequested(2)),
        (1, "b", Transcript.BranchRequested(1)),
        (0, "b", Transcript.BranchRequested(0)),
        (3, "r", Transcript.RegenerateRequested(3)),
        (1, "i", Transcript.InspectRequested(1)),
        (1, "escape", Transcript.Left()),
    ],
)
async def test_keys_ask_for_the_message_at_the_cursor(at: int, key: str, asked: object) -> None:
    async with TranscriptHost().run_test(size=SIZE) as pilot:
        app = await start(pilot)
        for _ in range(3 - at):
            await pilot.press("up")
        assert marked(app) == [at]
        await pilot.press(key)
        await settle(pilot)
        assert app.asked == [asked]


@pytest.mark.parametrize(("at", "key"), [(3, "e"), (1, "r"), (2, "r"), (3, "i"), (2, "i"), (2, "space")])
async def test_a_key_that_means_nothing_here_does_nothing(at: int, key: str) -> None:
    async with TranscriptHost().run_test(size=SIZE) as pilot:
        app = await start(pilot)
        for _ in range(3 - at):
            await pilot.press("up")
        await pilot.press(key)
        await settle(pilot)
        assert app.asked == []
        # nor is it typed
        assert app.query_one(Input).value == ""
        assert marked(app) == [at]
        await pilot.press("x")
        assert app.query_one(Input).value == "x"


async def test_a_message_without_an_entry_can_only_be_copied() -> None:
    async with TranscriptHost().run_test(size=SIZE) as pilot:
        app: TranscriptHost = pilot.app
        app.transcript.add_message("user", "waits for a model")
        app.transcript.focus()
        await settle(pilot)
        await pilot.press("e", "b", "c")
        await settle(pilot)
        assert app.asked == [Transcript.CopyRequested(None, "waits for a model")]


async def test_keys_show_in_the_footer_with_the_focus_only() -> None:
    async with TranscriptHost().run_test(size=(100, 24)) as pilot:
        app = await start(pilot)
        assert "Branch" in screen_lines(pilot)[-1]
        app.query_one(Input).focus()
        await settle(pilot)
        assert "Branch" not in screen_lines(pilot)[-1]


async def test_keys_can_be_given_otherwise() -> None:
    app = TranscriptHost()
    app.set_keymap({"transcript.copy": "y", "transcript.previous": "w"})
    async with app.run_test(size=SIZE) as pilot:
        await start(pilot)
        await pilot.press("w", "y")
        await settle(pilot)
        assert app.asked == [Transcript.CopyRequested(2, "question 2")]


async def test_a_long_message_folds_and_unfolds() -> None:
    async with TranscriptHost().run_test(size=(80, 40)) as pilot:
        app: TranscriptHost = pilot.app
        said = app.transcript.add_message("assistant", "\n".join(f"line {number}" for number in range(20)), index=0)
        said.finish("20 lines")
        app.transcript.focus()
        await settle(pilot)
        height = app.query_one(MessageView).region.height
        await pilot.press("space")
        await settle(pilot)
        text = "\n".join(screen_lines(pilot))
        assert f"line {FOLDED_LINES - 1}" in text
        assert f"line {FOLDED_LINES}\n" not in text
        assert f"{20 - FOLDED_LINES} more lines" in text
        assert "20 lines" in text
        assert app.query_one(MessageView).region.height == 1 + FOLDED_LINES + 1 + 1
        # what is copied is all of it
        await pilot.press("c", "space")
        await settle(pilot)
        assert app.asked == [Transcript.CopyRequested(0, said.text)]
        assert app.query_one(MessageView).region.height == height


async def test_the_cursor_goes_beyond_what_is_mounted() -> None:
    async with TranscriptHost().run_test(size=SIZE) as pilot:
        app: TranscriptHost = pilot.app
        app.transcript.show(talk(150))
        app.transcript.focus()
        await settle(pilot)
        for _ in range(75):
            await pilot.press("up")
        await settle(pilot)
        assert marked(app) == [74]
        assert 74 in shown(app.transcript)
        await pilot.press("home")
        await settle(pilot)
        assert marked(app) == [0]
        await pilot.press("end")
        await settle(pilot)
        assert marked(app) == [149]


async def test_the_cursor_stays_on_the_screen() -> None:
    async with TranscriptHost().run_test(size=SIZE) as pilot:
        app: TranscriptHost = pilot.app
        app.transcript.show(talk(150))
        app.transcript.focus()
        await settle(pilot)
        for keys in (("pageup", "pageup"), ("pageup",) * 12, ("pagedown",), ("home",), ("pagedown", "pagedown"), ("end",)):
            await pilot.press(*keys)
            await settle(pilot)
            assert len(marked(app)) == 1
            assert set(marked(app)) <= set(shown(app.transcript))


async def test_a_click_puts_the_cursor_on_a_message() -> None:
    async with TranscriptHost().run_test(size=SIZE) as pilot:
        app = await start(pilot)
        view = next(view for view in app.query(MessageView) if view.said.index == 1)
        await pilot.click(view, offset=(4, 1))
        await settle(pilot)
        assert marked(app) == [1]


async def test_text_is_selected_with_the_mouse() -> None:
    async with TranscriptHost().run_test(size=(40, 24)) as pilot:
        app: TranscriptHost = pilot.app
        app.transcript.add_message("user", "one two three four five six seven eight nine ten eleven")
        await settle(pilot)
        view = app.query_one(MessageView)
        assert view.region.height == 3
        # the border and a space before the text, then the name's line; the text goes on in the next line
        await pilot.mouse_down(view, offset=(2 + 4, 1))
        await pilot.hover(view, offset=(2 + 2, 2))
        await pilot.mouse_up(view, offset=(2 + 2, 2))
        await settle(pilot)
        selected = app.screen.get_selected_text()
        assert selected is not None
        assert view.text[4:].startswith(selected)
        assert selected.startswith("two three four")
        assert len(selected) > 32
        strip = view.render_line(1)
        backgrounds = {segment.style.bgcolor for segment in strip if segment.style and segment.text.strip()}
        assert len(backgrounds) == 2
        assert Offset(0, 0) not in app.screen.selections.values()
