from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from textual.content import Content

from picochat.chat import completion, model_files
from picochat.chat.recorder import Recorder
from picochat.chat.records import StoredMessage
from picochat.chat.session import ChatSession
from picochat.chat.store import ConversationStore
from picochat.inference.model_facts import ModelFacts
from tests.ui.prompt_host import PromptHost, wait_until


def rows(app: PromptHost) -> list[Content]:
    return [option.prompt for option in app.popup.options]  # type: ignore[misc]


def bold(row: Content) -> str:
    return "".join(row.plain[span.start : span.end] for span in row.spans if str(span.style) == "bold")


async def test_it_opens_above_the_input_and_marks_what_was_typed() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"/ld")
        await pilot.pause()
        assert app.labels == ["/load"]
        assert bold(rows(app)[0]) == "ld"
        assert app.focused is app.prompt
        assert app.popup.region.bottom <= app.prompt.region.y
        assert app.prompt.region.bottom == 24


@pytest.mark.parametrize(("size", "height"), [((120, 40), 8), ((80, 24), 8), ((60, 20), 7), ((40, 10), 3)])
async def test_it_has_eight_rows_and_fewer_on_a_low_screen(size: tuple[int, int], height: int) -> None:
    app = PromptHost()
    async with app.run_test(size=size) as pilot:
        await pilot.press("/")
        await wait_until(pilot, lambda: app.popup.size.height == height)
        assert app.popup.region.bottom <= app.prompt.region.y
        assert app.prompt.region.bottom == size[1]
        # a row is a line, however long it is
        assert app.popup.virtual_size.height == app.popup.option_count


async def test_it_closes_without_a_match_on_a_space_and_by_escape() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"/load")
        assert app.popup.display
        await pilot.press(*"qqq")
        assert not app.popup.display
        for key in ("backspace",) * 3:
            await pilot.press(key)
        assert app.popup.display
        await pilot.press("escape")
        assert not app.popup.display
        assert app.prompt.text == "/load"
        # what was put away doesn't take Enter
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent == ["/load"])
        await pilot.press(*"/tokens", "space")
        assert not app.popup.display
        await pilot.press("x", "enter")
        await wait_until(pilot, lambda: app.sent == ["/load", "/tokens x"])


@pytest.mark.parametrize("text", ["//set", "a /set", "/set\nx", ""])
async def test_it_stays_closed_for_what_is_no_command(text: str) -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        app.prompt.replace_text(text)
        await pilot.pause()
        assert not app.popup.display


async def test_tab_completes_step_by_step_and_enter_runs() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"/se", "down", "tab")
        assert app.prompt.text == "/set "
        await pilot.press(*"mo", "tab")
        assert app.prompt.text == "/set mode "
        assert app.labels == ["mode conversation", "mode single"]
        await pilot.press("up", "enter")
        await wait_until(pilot, lambda: app.sent == ["/set mode single"])
        assert app.prompt.text == ""
        assert not app.popup.display


async def test_enter_completes_what_is_not_complete_and_never_leaves_the_input() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"/pres", "enter")
        assert app.prompt.text == "/preset "
        assert app.sent == []
        assert app.focused is app.prompt
        await pilot.press("tab")
        assert app.prompt.text == "/preset precise"
        await pilot.press("ctrl+z")
        assert app.prompt.text == "/preset "
        await pilot.press("w", "enter")
        await wait_until(pilot, lambda: app.sent == ["/preset wild"])


async def test_keys_that_come_before_the_screen_is_drawn_are_taken_too() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        from textual.events import Key

        for key in ("/", "q", "u", "tab", "enter"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await wait_until(pilot, lambda: app.sent == ["/quit"])


async def test_an_argument_that_may_be_left_out_is_not_taken_unchosen() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"/mode", "tab")
        assert app.prompt.text == "/mode "
        assert app.labels == ["conversation", "single"]
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent == ["/mode "])
        await pilot.press(*"/mode ", "down", "down", "enter")
        await wait_until(pilot, lambda: app.sent[1:] == ["/mode single"])
        await pilot.press(*"/mode ", "up", "enter")
        await wait_until(pilot, lambda: app.sent[2:] == ["/mode single"])


async def test_a_click_takes_a_row() -> None:
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"/mode ")
        await pilot.pause()
        await pilot.click(app.popup, offset=(5, 2))
        await wait_until(pilot, lambda: app.sent == ["/mode single"])
        assert app.focused is app.prompt


async def test_commands_that_have_to_wait_say_so_and_do_not_run() -> None:
    app = PromptHost()
    app.answering = True
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"/reset")
        row = rows(app)[0]
        assert "(after the answer) Start a new conversation." in row.plain
        assert any(span.start == 0 and "dim" in str(span.style) for span in row.spans)
        await pilot.press("enter")
        await pilot.pause()
        assert (app.prompt.text, app.sent) == ("/reset", [])
        app.prompt.replace_text("/status")
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent == ["/status"])


async def test_saved_conversations_with_brackets_and_escapes_are_shown_as_they_are() -> None:
    session = ChatSession()
    session.recorder = Recorder(ConversationStore(None))
    for text in ("[bold]cats[/] \x1b[31m", "dogs"):
        session.recorder.store.put(session.recorder.store.create(), 0, StoredMessage("user", text))
    app = PromptHost(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"/resume ")
        assert app.labels == ["2", "1"]
        assert "[bold]cats[/] \u241b[31m" in rows(app)[1].plain
        await pilot.press(*"cat", "enter")
        await wait_until(pilot, lambda: app.sent == ["/resume 1"])


async def test_facts_of_a_model_come_when_they_are_known_and_typing_goes_on_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(model_files, "usual_places", lambda: iter([Path("a.pt"), Path("ab.pt")]))
    for name in ("a.pt", "ab.pt"):
        (tmp_path / name).write_bytes(b"x" * 2_000_000)
        os.utime(tmp_path / name, (1_700_000_000, 1_700_000_000))
    may_read = threading.Event()

    def read(path: Path) -> ModelFacts:
        may_read.wait(60)
        return ModelFacts(1200, 1.5)

    monkeypatch.setattr(model_files, "read_model_facts", read)
    day = completion.date(1_700_000_000)
    app = PromptHost()
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.press(*"/load ")
        assert rows(app)[0].plain == f"a.pt   2.0 MB, {day}"
        await pilot.press("a", "b")
        assert app.labels == ["ab.pt"]
        may_read.set()
        await wait_until(pilot, lambda: "step" in rows(app)[0].plain)
        # the list for which the first file was read is gone
        assert [row.plain for row in rows(app)] == [f"ab.pt  step 1,200, loss 1.500, 2.0 MB, {day}"]
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.sent == ["/load ab.pt"])


async def test_without_colors_the_chosen_row_is_light_where_the_others_are_dark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"/s")
        chosen = app.popup.get_visual_style("option-list--option-highlighted")
        other = app.popup.get_visual_style("option-list--option")
        assert abs(chosen.background.brightness - other.background.brightness) > 0.5
        assert abs(chosen.background.brightness - chosen.foreground.brightness) > 0.5
