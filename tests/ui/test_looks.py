"""Themes, keys, palette, help and the panel: what is the same whatever is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.color import Color
from textual.widgets import Input, OptionList, Select, Static

from picochat.chat.actions import COMMANDS
from picochat.chat.preferences import read_preferences
from picochat.chat.recorder import Recorder
from picochat.chat.records import StoredMessage
from picochat.chat.settings import ChatSettings, choices
from picochat.chat.store import ConversationStore
from picochat.locations import preferences
from picochat.ui.app import ChatApp
from picochat.ui.screens.help import HelpScreen
from picochat.ui.widgets.message import MessageView, NoteView
from tests.fakes import scripted_session
from tests.ui.driver import SIZE, handled, notes, send, texts, wait_until


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICOCHAT_CONFIG", str(tmp_path / "config.yaml"))


def contrast(first: Color, second: Color) -> float:
    """The ratio of the Web Content Accessibility Guidelines, 4.5 of which is asked for."""

    def luminance(color: Color) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("name", choices("theme"))
async def test_every_theme_is_there_and_its_text_can_be_read(name: str) -> None:
    app = ChatApp(scripted_session(["Hello"], ChatSettings(theme=name)))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["Hello"])
        assert app.theme == name
        if not name.startswith("ansi"):
            for view in app.chat.transcript.query(MessageView):
                assert contrast(view.colors[2], view.colors[2] + view.colors[3]) >= 4.5


async def test_a_theme_is_taken_at_once_and_kept() -> None:
    app = ChatApp(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "/theme light")
        await wait_until(pilot, lambda: app.theme == "light")
        assert read_preferences(preferences()) == ({"theme": "light"}, None)
        await send(pilot, "/theme lihgt")
        assert "theme must be" in notes(app)
        assert app.theme == "light"


async def test_a_key_of_ones_own_runs_a_command_and_the_old_key_no_longer_does() -> None:
    app = ChatApp(scripted_session(["One", "Two", "Three"], ChatSettings(keys={"regenerate": "ctrl+t", "status": "f7"})))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["One"] and not app.chat.answering.job)
        await pilot.press("ctrl+r")
        await pilot.pause()
        assert texts(app, "assistant") == ["One"]
        await pilot.press("ctrl+t")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["Two"])
        await pilot.press("f7")
        await wait_until(pilot, lambda: "scripted" in notes(app))


async def test_a_key_is_changed_while_chatting_and_a_wrong_one_changes_nothing() -> None:
    app = ChatApp(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "/keys status F8")
        await pilot.press("f8")
        await wait_until(pilot, lambda: "scripted" in notes(app))
        await send(pilot, "/keys status ctrl+r")
        assert "already" in notes(app)
        assert app.chat.session.settings.keys == {"status": "f8"}


async def test_keys_that_cannot_be_used_are_told_at_the_start_and_the_chat_goes_on() -> None:
    app = ChatApp(scripted_session(["Hello"], ChatSettings(keys={"fly": "ctrl+f"})))
    async with app.run_test(size=SIZE) as pilot:
        assert "no key for 'fly'" in notes(app)
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["Hello"])


async def test_help_shows_every_command_and_the_keys_in_force() -> None:
    app = ChatApp(scripted_session([], ChatSettings(keys={"probs": "ctrl+t"})))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f1")
        await wait_until(pilot, lambda: isinstance(app.screen, HelpScreen))
        shown = "\n".join(str(row.render()) for row in app.screen.query(".row Static").results(Static))
        assert all(f"/{command.name}" in shown for command in COMMANDS)
        assert "[Ctrl+T]" in shown
        assert "Shift+Enter" in shown
        await pilot.press("escape")
        await wait_until(pilot, lambda: app.screen is app.chat)


async def test_the_palette_finds_a_command_by_what_it_does() -> None:
    app = ChatApp(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: app.screen is not app.chat)
        await pilot.press(*"single prompts")
        found = app.screen.query_one(OptionList)
        await wait_until(pilot, lambda: found.option_count == 1 and found.highlighted == 0)
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.chat.session.mode == "single")


async def test_the_palette_shows_brackets_and_escapes_as_they_are() -> None:
    session = scripted_session([])
    session.recorder = Recorder(ConversationStore(None))
    title = "What is [/INST] and [/a b for, [A] \x1b[31m?"
    session.recorder.store.put(session.recorder.store.create(), 0, StoredMessage("user", title))
    app = ChatApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("ctrl+p")
        await wait_until(pilot, lambda: app.screen is not app.chat)
        await pilot.press(*"resume 1")
        found = app.screen.query_one(OptionList)
        shown = "What is [/INST] and [/a b for, [A] \u241b[31m?"
        await wait_until(pilot, lambda: any(shown in str(option.prompt) for option in found.options))


async def test_a_command_that_needs_more_is_begun_in_the_input_by_the_palette() -> None:
    app = ChatApp(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        app.chat.start_command("/rename")
        await pilot.pause()
        assert app.chat.prompt.text == "/rename "


async def test_the_panel_has_every_setting_and_takes_a_choice() -> None:
    app = ChatApp(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f2")
        await pilot.pause()
        app.chat.panel.query_one("#setting-mode", Select).value = "single"
        await wait_until(pilot, lambda: app.chat.session.settings.mode == "single")
        app.chat.panel.query_one("#setting-theme", Select).value = "light"
        await wait_until(pilot, lambda: app.theme == "light")
        app.chat.panel.query_one("#setting-min_p", Input).value = "2"
        await pilot.pause()
        assert app.chat.session.settings.min_p == 0.0
        assert "less than 1" in str(app.chat.panel.query_one("#problem-min_p").render())


async def test_fields_that_appear_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    # each change sets the keys and the theme anew, and draws all below the prompt
    session, changed = scripted_session([]), list[str]()
    monkeypatch.setattr(session, "change", lambda name, text: changed.append(name))
    app = ChatApp(session)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f2")
        await handled(pilot, app.chat.panel)
        assert changed == []
        app.chat.panel.query_one("#setting-min_p", Input).value = "0.1"
        await wait_until(pilot, lambda: changed == ["min_p"])


async def test_reduced_motion_stops_the_cursor_and_animations() -> None:
    app = ChatApp(scripted_session([], ChatSettings(reduced_motion=True)))
    async with app.run_test(size=SIZE) as pilot:
        assert app.animation_level == "none"
        assert not app.chat.prompt.cursor_blink
        for key in ("f2", "ctrl+p"):
            await pilot.press(key)
            await wait_until(pilot, lambda: isinstance(app.focused, Input) and not app.focused.cursor_blink)
            await pilot.press("escape")
        await send(pilot, "/set reduced-motion off")
        await wait_until(pilot, lambda: app.chat.prompt.cursor_blink)


async def test_without_color_everything_is_still_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = ChatApp(scripted_session(["Hello"]))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["Hello"])
        await send(pilot, "/nonsense")
        strips, background = app.screen._compositor.render_strips(), app.screen.background_colors[1]
        grey = [strip.apply_filter(app._filters[-1], background) for strip in strips]
        styles = [segment.style for strip in grey for segment in strip]
        for style in filter(None, styles):
            for color in (style.color, style.bgcolor):
                assert color is None or color.triplet is None or len(set(color.triplet)) == 1
        assert any(view.text.startswith("Error:") for view in app.chat.transcript.query(NoteView))
