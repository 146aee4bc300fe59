"""The input: keys, lines, pastes, history."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.widgets import Input

from picochat.chat.prompts import PromptHistory
from picochat.ui.app import ChatApp
from tests.fakes import scripted_session
from tests.ui.driver import SIZE, app_for, send, texts, wait_until


@pytest.mark.parametrize("key", ["ctrl+j", "shift+enter", "alt+enter"])
async def test_new_lines_and_a_growing_input(key: str) -> None:
    session = scripted_session(["ok"])
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("a", key, "b")
        assert app.chat.prompt.text == "a\nb"
        await pilot.pause()
        assert app.chat.prompt.size.height == 2
        for _ in range(30):
            await pilot.press("ctrl+j")
        await pilot.pause()
        assert app.chat.prompt.size.height == 10
        app.chat.prompt.text = "a\nb"
        await pilot.press("enter")
        await wait_until(pilot, lambda: texts(app, "user") == ["a\nb"])


async def test_up_and_down_recall_what_was_typed_and_keep_the_draft(tmp_path: Path) -> None:
    PromptHistory(tmp_path / "prompts").add("from an earlier chat")
    app = ChatApp(scripted_session(["1", "2"]), None, PromptHistory(tmp_path / "prompts"))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "second")
        await pilot.press(*"draft")
        await pilot.press("up")
        assert app.chat.prompt.text == "second"
        await pilot.press("up")
        assert app.chat.prompt.text == "from an earlier chat"
        await pilot.press("down", "down")
        assert app.chat.prompt.text == "draft"


async def test_control_characters_never_reach_the_terminal_through_the_inputs() -> None:
    app = app_for(scripted_session(["ok"]))
    async with app.run_test(size=SIZE) as pilot:
        app.post_message(Paste("evil\x1b]0;pwned\x07"))
        await wait_until(pilot, lambda: "evil" in app.chat.prompt.text)
        app.chat.prompt.text += "\x1b[2J"
        app.chat.show_settings()
        app.chat.query_one("#setting-seed", Input).value = "\x1b[31m"
        await pilot.pause()
        for text in (app.chat.prompt.text, app.chat.query_one("#setting-seed", Input).value):
            assert "\x1b" not in text
            assert "\u241b" in text


async def test_ctrl_c_copies_a_selection_of_the_input_and_leaves_only_when_pressed_twice() -> None:
    app = app_for(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*"draft", "shift+home", "ctrl+c")
        assert app.clipboard == "draft"
        assert app.chat.prompt.text == "draft"
        await pilot.press("end", "ctrl+c")
        assert app.is_running
        await pilot.press("ctrl+c")
        await wait_until(pilot, lambda: not app.is_running)


async def test_many_lines_pasted_are_one_message() -> None:
    app = app_for(scripted_session(["ok"]))
    pasted = "\n".join(f"line {number}" for number in range(50))
    async with app.run_test(size=SIZE) as pilot:
        app.post_message(Paste(pasted))
        await wait_until(pilot, lambda: app.chat.prompt.text == pasted)
        await pilot.press("enter")
        await wait_until(pilot, lambda: texts(app, "user") == [pasted])


async def test_keys_faster_than_the_screen_stay_in_order() -> None:
    app = app_for(scripted_session(["One", "Two"]))
    async with app.run_test(size=SIZE) as pilot:
        for key in [*"first line", "ctrl+j", *"second", "enter", *"draft"]:
            app.post_message(Key(key, key if len(key) == 1 else None))
        await wait_until(pilot, lambda: texts(app, "assistant") == ["One"])
        assert texts(app, "user") == ["first line\nsecond"]
        assert app.chat.prompt.text == "draft"


async def test_what_is_typed_before_the_screen_is_there_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    def type_early(app: ChatApp) -> None:
        # Enter, as a terminal gives it that is not the app's yet
        for key in [*"hi", "ctrl+j", *"dra"]:
            app.post_message(Key(key, key if len(key) == 1 else None))

    monkeypatch.setattr(ChatApp, "on_load", type_early, raising=False)
    app = app_for(scripted_session(["ok"]))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("f", "t")
        await wait_until(pilot, lambda: texts(app, "user") == ["hi"] and app.chat.prompt.text == "draft", seconds=5)
