"""Slash commands, their popup, and the settings panel."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input, Static

from picochat.chat.recorder import Recorder
from picochat.chat.store import ConversationStore
from tests.fakes import scripted_session
from tests.ui.driver import SIZE, app_for, idle, notes, send, texts, wait_until


async def test_settings_change_while_chatting_and_explain_what_is_wrong() -> None:
    session = scripted_session(["x" * 6000, "Again"], delay=0.005, context=8192)
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Go")
        await pilot.press("f2")
        await pilot.pause()
        assert app.chat.panel.display
        field = app.chat.query_one("#setting-temperature", Input)
        field.value = "0.3"
        await pilot.pause()
        assert session.settings.temperature == 0.3
        field.value = "99"
        await pilot.pause()
        problem = app.chat.query_one("#problem-temperature", Static)
        assert problem.display
        assert "less than or equal to 5" in str(problem.render())
        assert session.settings.temperature == 0.3
        field.value = "0.5"
        await pilot.pause()
        assert not problem.display
        app.chat.query_one("#setting-seed", Input).value = "77"
        app.chat.query_one("#setting-max_tokens", Input).value = "2"
        await pilot.pause()
        await pilot.press("escape")
        await wait_until(pilot, idle(app))
        await pilot.press("f2")
        assert not app.chat.panel.display
        await send(pilot, "More")
        await wait_until(pilot, lambda: texts(app, "assistant")[-1] == "Ag")
        assert session.last is not None
        assert session.last.seed == 77


async def test_set_shows_in_the_open_panel() -> None:
    app = app_for(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        app.chat.show_settings()
        await send(pilot, "/set top_k 5")
        assert app.chat.query_one("#setting-top_k", Input).value == "5"


async def test_the_popup_lists_filters_and_completes() -> None:
    app = app_for(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press("/")
        await pilot.pause()
        assert app.chat.popup.display
        assert app.chat.popup.option_count > 8
        await pilot.press("l", "o")
        await pilot.pause()
        assert app.chat.popup.chosen is not None
        assert app.chat.popup.chosen.name == "load"
        await pilot.press("tab")
        await pilot.pause()
        assert app.chat.prompt.text == "/load "
        app.chat.prompt.text = "/"
        await pilot.pause()
        await pilot.press("down", "down", "up")
        assert app.chat.popup.highlighted == 1
        await pilot.press("escape")
        assert not app.chat.popup.display
        assert app.chat.prompt.text == "/"


async def test_enter_in_the_popup_runs_the_command() -> None:
    session = scripted_session([])
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*"/mod")
        await pilot.pause()
        await pilot.press("enter")
        await wait_until(pilot, lambda: session.settings.mode == "single")
        assert app.chat.prompt.text == ""
        assert "Single-prompt mode" in notes(app)


async def test_status_info_and_a_mistyped_command() -> None:
    app = app_for(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        for line in ("/status", "/info", "/staus"):
            await send(pilot, line)
        shown = notes(app)
        assert "cpu, fp32" in shown
        assert "scripted.pt" in shown
        assert "did you mean /status" in shown


async def test_clear_keeps_the_conversation_and_reset_forgets_it() -> None:
    session = scripted_session(["One", "Two"])
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "A")
        await wait_until(pilot, lambda: idle(app)() and len(session.conversation.entries) == 2)
        await send(pilot, "/clear")
        await wait_until(pilot, lambda: texts(app, "user") == [])
        assert len(session.conversation.entries) == 2
        await send(pilot, "/reset")
        assert session.conversation.entries == []


@pytest.mark.parametrize(
    "line",
    [
        "/load ~not-a-user/x",
        "/export ~not-a-user/" + "x" * 300 + ".md",
        "/watch " + "x" * 300,
        "/timeline ~5 apples",
        "/timeline " + "x" * 300,
    ],
)
async def test_a_path_that_can_be_none_is_told(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    session = scripted_session(["One"])
    session.recorder = Recorder(ConversationStore(None))
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "A")
        await wait_until(pilot, lambda: idle(app)() and len(session.conversation.entries) == 2)
        await send(pilot, line)
        await wait_until(pilot, lambda: "Error:" in notes(app))
        assert app.screen is app.chat


async def test_what_waited_for_the_answer_can_be_taken_when_it_has_ended() -> None:
    session = scripted_session(["x" * 6000], delay=0.005, context=8192)
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Go")
        await wait_until(pilot, lambda: texts(app, "assistant"))
        await pilot.press(*"/reset")
        await wait_until(pilot, lambda: app.chat.popup.options)
        row = app.chat.popup.options[0]
        assert "(after the answer)" in str(row.prompt)
        app.chat.answering.stop()
        await wait_until(pilot, idle(app))
        await wait_until(pilot, lambda: "(after the answer)" not in str(app.chat.popup.options[0].prompt))
        await pilot.press("enter")
        await wait_until(pilot, lambda: session.conversation.entries == [])
