from __future__ import annotations

from pathlib import Path

import pytest
from textual._xterm_parser import XTermParser
from textual.events import Key, Paste

from picochat.chat.prompts import PromptHistory
from picochat.ui.widgets.pasted import LONG
from tests.ui.prompt_host import PromptHost, wait_until

MEGABYTE = "lorem ipsum\n" * 87382 + "x" * 8


async def paste(pilot, text: str) -> None:
    pilot.app.post_message(Paste(text))
    await pilot.pause()


async def test_enter_sends_and_empties_the_input() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"Hi", "enter", "enter", "space", "enter")
        await wait_until(pilot, lambda: app.sent)
        assert app.sent == ["Hi"]
        assert app.prompt.text == " "


@pytest.mark.parametrize("key", ["shift+enter", "alt+enter", "ctrl+j"])
async def test_other_enters_start_a_line_in_place_of_what_is_selected(key: str) -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"abc", "shift+left", key, "d")
        assert app.prompt.text == "ab\nd"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent == ["ab\nd"])


@pytest.mark.parametrize("sequence", ["\x1b\r", "\x1b[13;2u", "\x1b[13;3u", "\n", "\x1b[27;2;13~", "\x1b[27;3;13~"])
async def test_what_terminals_send_for_other_enters_starts_a_line(sequence: str) -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        parser = XTermParser()
        keys = [event for event in [*parser.feed(sequence), *parser.feed("")] if isinstance(event, Key)]
        assert len(keys) == 1
        app.prompt.post_message(keys[0])
        await wait_until(pilot, lambda: app.prompt.text == "\n")
        assert app.sent == []


async def test_keys_that_come_fast_stay_in_their_order() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        for key in ("a", "ctrl+j", "b", "enter", "c"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await wait_until(pilot, lambda: app.prompt.text == "c")
        assert app.sent == ["a\nb"]


async def test_ends_of_lines_in_a_paste_are_those_of_any_system() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await paste(pilot, "a\r\nb\rc\nd")
        assert app.prompt.text == "a\nb\nc\nd"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent == ["a\nb\nc\nd"])


@pytest.mark.parametrize(("height", "lines"), [(40, 10), (30, 10), (24, 7), (20, 6), (10, 2), (5, 1)])
async def test_it_grows_to_ten_lines_and_less_on_a_low_screen(height: int, lines: int) -> None:
    app = PromptHost()
    async with app.run_test(size=(60, height)) as pilot:
        assert app.prompt.size.height == 1
        await paste(pilot, "x\n" * 20)
        await wait_until(pilot, lambda: app.prompt.size.height == lines)
        assert app.prompt.outer_size.height <= max(3, height * 0.4)
        await pilot.resize_terminal(60, 40)
        await wait_until(pilot, lambda: app.prompt.size.height == 10)
        app.prompt.text = ""
        await wait_until(pilot, lambda: app.prompt.size.height == 1)


async def test_a_long_paste_is_a_line_in_the_input_and_whole_when_sent() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"see ")
        await paste(pilot, MEGABYTE)
        await pilot.press(*" and ")
        await paste(pilot, MEGABYTE[::-1])
        shown = "see [pasted text, 1,048,592 characters] and [pasted text 2, 1,048,592 characters]"
        assert app.prompt.text == shown
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent)
        assert app.sent == [f"see {MEGABYTE} and {MEGABYTE[::-1]}"]


async def test_a_paste_that_is_not_long_stays_as_it_is() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await paste(pilot, "x" * LONG)
        assert app.prompt.text == "x" * LONG


async def test_a_placeholder_is_deleted_as_a_whole_and_comes_back_with_undo() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a")
        await paste(pilot, MEGABYTE)
        folded = app.prompt.text
        await pilot.press("backspace")
        assert app.prompt.text == "a"
        await pilot.press("ctrl+z")
        assert app.prompt.text == folded
        await pilot.press("home", "right", "delete")
        assert app.prompt.text == "a"
        await pilot.press("ctrl+z", "enter")
        await wait_until(pilot, lambda: app.sent)
        assert app.sent[0] == "a" + MEGABYTE


async def test_what_somebody_types_like_a_placeholder_is_only_text() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        app.prompt.replace_text("[pasted text, 1,048,592 characters]")
        await pilot.press("backspace", "]", "enter")
        await wait_until(pilot, lambda: app.sent == ["[pasted text, 1,048,592 characters]"])


async def test_a_long_text_that_is_recalled_is_folded_again() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await paste(pilot, MEGABYTE)
        await pilot.press("enter", "up")
        assert app.prompt.text == "[pasted text, 1,048,592 characters]"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent == [MEGABYTE, MEGABYTE])


async def test_the_arrows_recall_across_runs_and_keep_the_draft(tmp_path: Path) -> None:
    PromptHistory(tmp_path / "prompts").add("earlier\ntwo lines")
    app = PromptHost(history=PromptHistory(tmp_path / "prompts"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"draft", "up")
        assert app.prompt.text == "earlier\ntwo lines"
        # within a text of several lines, an arrow moves the cursor first
        await pilot.press("up")
        assert app.prompt.text == "earlier\ntwo lines"
        await pilot.press("down", "down")
        assert app.prompt.text == "draft"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent == ["draft"])
    assert PromptHistory(tmp_path / "prompts").older("") == "draft"


async def test_the_arrows_go_past_a_command() -> None:
    history = PromptHistory()
    for text in ("first", "/help", "/mode single"):
        history.add(text)
    app = PromptHost(history=history)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("up", "up", "up")
        assert app.prompt.text == "first"
        await pilot.press("down")
        assert app.prompt.text == "/help"
        assert not app.popup.display
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent == ["/help"])


async def test_undo_and_redo_also_of_a_recalled_text() -> None:
    history = PromptHistory()
    history.add("old")
    app = PromptHost(history=history)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"new", "up")
        assert app.prompt.text == "old"
        await pilot.press("ctrl+z")
        assert app.prompt.text == "new"
        await pilot.press("ctrl+y")
        assert app.prompt.text == "old"
        await pilot.press("ctrl+u")
        assert app.prompt.text == ""


async def test_the_argument_of_a_command_is_hinted_and_no_text() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"/rename")
        assert app.prompt.suggestion == " NAME"
        await pilot.press("right")
        assert app.prompt.text == "/rename"
        await pilot.press("left")
        await wait_until(pilot, lambda: app.prompt.suggestion == "")
        await pilot.press("right")
        await wait_until(pilot, lambda: app.prompt.suggestion == " NAME")
        await pilot.press("space")
        assert app.prompt.suggestion == "NAME"
        await pilot.press("x")
        assert app.prompt.suggestion == ""


async def test_a_placeholder_within_a_text_that_is_folded_is_not_lost() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await paste(pilot, MEGABYTE)
        for _ in range(2):
            await paste(pilot, "y" * LONG)
        app.prompt.prompts.add("old")
        # the draft comes back as one text, and that is too long
        await pilot.press("up", "down")
        assert app.prompt.text == f"[pasted text, {len(MEGABYTE) + 2 * LONG:,} characters]"
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent == [MEGABYTE + "y" * 2 * LONG])
