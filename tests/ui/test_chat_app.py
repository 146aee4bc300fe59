from __future__ import annotations

import asyncio
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import Input, Static

from picochat.chat.prompts import PromptHistory
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.inference.engine import Token
from picochat.ui.app import ChatApp
from picochat.ui.screens.chat import ChatScreen
from picochat.ui.widgets.message import MessageView, NoteView
from picochat.ui.work import AnswerEnded, AnswerText
from tests.fakes import scripted_session

SIZE = (100, 30)


async def wait_until(pilot, condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Let the app work until the condition holds; one pause is not enough after work on a thread."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the app never got there"
        await pilot.pause(0.01)


def app_for(session: ChatSession, model: Path | None = None) -> ChatApp:
    return ChatApp(session, model)


def texts(app: ChatApp, role: str) -> list[str]:
    return [view.text for view in app.chat.transcript.query(MessageView) if view.role == role]


def notes(app: ChatApp) -> str:
    return "\n".join(view.text for view in app.chat.transcript.query(NoteView))


def idle(app: ChatApp) -> Callable[[], bool]:
    return lambda: app.chat.answer_job is None


async def send(pilot, text: str) -> None:
    app: ChatApp = pilot.app
    app.chat.prompt.focus()
    app.chat.prompt.text = text
    await pilot.pause()
    # a text set by a test opens the popup as typing does; a whole line is sent past it
    app.chat.popup.hide()
    await pilot.press("enter")
    await pilot.pause()


async def test_a_message_is_answered_and_the_input_is_empty_again() -> None:
    app = app_for(scripted_session(["Hello Ada!"]))
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*"Hi")
        await pilot.press("enter")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["Hello Ada!"] and idle(app)())
        assert texts(app, "user") == ["Hi"]
        assert app.chat.prompt.text == ""
        assert "end of turn" in app.chat.transcript.query(MessageView).last(MessageView).footnote


async def test_typing_goes_on_while_an_answer_comes() -> None:
    app = app_for(scripted_session(["x" * 6000], delay=0.005, context=8192))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Go")
        await wait_until(pilot, lambda: texts(app, "assistant") and texts(app, "assistant")[0])
        await pilot.press(*"typed meanwhile")
        assert app.chat.prompt.text == "typed meanwhile"
        assert app.chat.answer_job is not None
        await pilot.press("enter")
        await pilot.pause()
        # not lost: it waits in the input
        assert app.chat.prompt.text == "typed meanwhile"
        await pilot.press("escape")
        await wait_until(pilot, idle(app))


async def test_escape_stops_and_keeps_the_partial_answer() -> None:
    session = scripted_session(["x" * 6000, "Next"], delay=0.005, context=8192)
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Go")
        await wait_until(pilot, lambda: len("".join(texts(app, "assistant"))) > 5)
        await pilot.press("escape")
        await wait_until(pilot, idle(app))
        partial = texts(app, "assistant")[0]
        assert 5 < len(partial) < 6000
        assert session.conversation.entries[-1].message.content == partial
        assert "stopped" in app.chat.transcript.query(MessageView).last(MessageView).footnote
        await send(pilot, "More")
        await wait_until(pilot, lambda: texts(app, "assistant")[-1] == "Next")


async def test_no_text_is_lost_to_the_rate_limit() -> None:
    answer = "".join(chr(32 + index % 94) for index in range(400))
    app = app_for(scripted_session([answer]))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Go")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        assert texts(app, "assistant") == [answer]


async def test_a_late_message_of_an_old_run_is_ignored() -> None:
    app = app_for(scripted_session(["One", "y" * 6000], delay=0.005, context=8192))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "A")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        await send(pilot, "B")
        assert app.chat.answer_job is not None
        old = app.chat.answer_job.run - 1
        app.chat.post_message(AnswerText(old, [Token(1, "LATE", 0.0, 0.0)]))
        app.chat.post_message(AnswerEnded(old, "late error"))
        await pilot.pause()
        assert app.chat.answer_job is not None
        assert "LATE" not in "".join(texts(app, "assistant"))
        assert "late error" not in notes(app)


async def test_quitting_while_answering_ends_at_once() -> None:
    app = app_for(scripted_session(["x" * 6000], delay=0.01, context=8192))
    began = asyncio.get_running_loop().time()
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Go")
        await wait_until(pilot, lambda: texts(app, "assistant"))
        await pilot.press("ctrl+q")
    assert asyncio.get_running_loop().time() - began < 60
    assert app.unfinished_jobs == []


async def test_ctrl_c_stops_first_and_leaves_then() -> None:
    app = app_for(scripted_session(["x" * 6000], delay=0.005, context=8192))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Go")
        await wait_until(pilot, lambda: len("".join(texts(app, "assistant"))) > 3)
        await pilot.press("ctrl+c")
        await wait_until(pilot, idle(app))
        assert app.is_running
        await pilot.press("ctrl+c")
        assert app.is_running
        await pilot.press("ctrl+c")
        await wait_until(pilot, lambda: not app.is_running)


async def test_brackets_and_escapes_are_shown_not_obeyed() -> None:
    hostile = "[bold]x[/bold] [/] [link=x \x1b[31mred \x1b]0;title\x07"
    app = app_for(scripted_session([hostile]))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, hostile)
        await wait_until(pilot, lambda: idle(app)() and len(texts(app, "assistant")) == 1)
        await pilot.pause()
        shown = str(app.chat.transcript.query(MessageView).last(MessageView).render())
        assert "[bold]x[/bold] [/] [link=x" in shown
        assert "\x1b" not in shown
        assert "\u241b[31mred" in shown


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


async def test_help_status_info_and_a_mistyped_command() -> None:
    app = app_for(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        for line in ("/help", "/status", "/info", "/staus"):
            await send(pilot, line)
        shown = notes(app)
        assert "/settings" in shown
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


async def test_loading_a_bad_file_keeps_the_model_and_a_good_one_replaces_it(chat_model: Path, tmp_path: Path) -> None:
    session = scripted_session(["Hello"])
    old = session.engine
    app = app_for(session)
    (tmp_path / "bad.pt").write_bytes(b"junk")
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, f"/load {tmp_path / 'bad.pt'}")
        await wait_until(pilot, lambda: "not a picochat model" in notes(app))
        assert "model that was running stays" in notes(app)
        assert session.engine is old
        await send(pilot, f"/load {chat_model}")
        await wait_until(pilot, lambda: session.engine is not old)
        await send(pilot, "Hi, I'm Ada.")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        assert texts(app, "assistant")[0].startswith("Hello")


async def test_the_screen_is_there_before_the_model_and_a_message_waits(
    chat_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = ChatSession(ChatSettings(temperature=0), device="cpu")
    opened = session.open

    def slow(path: object) -> object:
        time.sleep(0.7)
        return opened(path)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "open", slow)
    app = app_for(session, chat_model)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: app.chat.loading_job is not None)
        assert session.engine is None
        assert "loading" in str(app.chat.status.render())
        await send(pilot, "Hi, I'm Ada.")
        assert texts(app, "user") == ["Hi, I'm Ada."]
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        assert texts(app, "assistant")[0].startswith("Hello")


async def test_a_model_that_cannot_be_loaded_at_the_start_is_told(tmp_path: Path) -> None:
    app = app_for(ChatSession(device="cpu"), tmp_path / "none.pt")
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: "no model at" in notes(app))
        await send(pilot, "Hi")
        assert "No model is loaded" in notes(app)
        assert app.chat.prompt.text == "Hi"


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


async def test_a_conversation_beyond_the_window_says_so() -> None:
    app = app_for(scripted_session(["a" * 40] * 8, context=256))
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(5):
            await send(pilot, "u" * 30)
            await wait_until(pilot, idle(app))
        assert "no longer fit" in notes(app)


async def test_a_model_that_never_ends_its_turn_stops_at_the_window() -> None:
    app = app_for(scripted_session([], context=64, ends=False))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Go")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        assert "end of the context window" in app.chat.transcript.query(MessageView).last(MessageView).footnote


@pytest.mark.parametrize("size", [(60, 20), (80, 24), (120, 40), (30, 10)])
async def test_it_works_at_every_size_and_survives_a_resize(size: tuple[int, int]) -> None:
    app = app_for(scripted_session(["Hello there, friend"], delay=0.01))
    async with app.run_test(size=size) as pilot:
        await send(pilot, "Hi")
        await pilot.resize_terminal(50, 15)
        await pilot.press("f2")
        await pilot.resize_terminal(*size)
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant") == ["Hello there, friend"])
        assert isinstance(app.screen, ChatScreen)


async def test_a_model_that_is_ready_during_an_answer_waits_for_its_end(
    chat_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = scripted_session(["x" * 6000, "y"], delay=0.005, context=8192)
    old, opened, may_load = session.engine, session.open, threading.Event()

    def late(path: object) -> object:
        may_load.wait(60)
        return opened(path)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "open", late)
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        app.chat.load(str(chat_model))
        await send(pilot, "Go")
        may_load.set()
        await wait_until(pilot, lambda: app.chat.loading_job is None)
        assert app.chat.answer_job is not None
        assert session.engine is old
        await pilot.press("escape")
        await wait_until(pilot, lambda: session.engine is not old)
        await send(pilot, "Hi, I'm Ada.")
        await wait_until(pilot, lambda: idle(app)() and len(texts(app, "assistant")) == 2)


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


async def test_a_newer_model_is_offered_or_followed(chat_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    shutil.copy(chat_model, path)
    session = ChatSession(ChatSettings(temperature=0), device="cpu")
    app = app_for(session, path)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: session.engine is not None)
        await send(pilot, "Hi, I'm Ada.")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        first = session.engine
        app.chat.look_for_newer_model()
        assert "newer" not in notes(app)
        shutil.copy(chat_model, tmp_path / "new.pt")
        (tmp_path / "new.pt").replace(path)
        app.chat.look_for_newer_model()
        await pilot.pause()
        assert "A newer best.pt has been written" in notes(app)
        assert session.engine is first
        app.chat.follow = True
        shutil.copy(chat_model, tmp_path / "new.pt")
        (tmp_path / "new.pt").replace(path)
        app.chat.look_for_newer_model()
        await wait_until(pilot, lambda: session.engine is not first)
        assert len(session.conversation.entries) == 2
