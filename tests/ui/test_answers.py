"""Answers: streaming, stopping, ending."""

from __future__ import annotations

import asyncio
import random
import string
import threading

import pytest
from textual.events import Paste

from picochat.inference.engine import Token
from picochat.ui import draw_rate
from picochat.ui.said import Said
from picochat.ui.screens.chat import ChatScreen
from picochat.ui.widgets.message import MessageView
from picochat.ui.work import AnswerEnded, AnswerText
from tests.fakes import scripted_session
from tests.ui.driver import SIZE, app_for, idle, notes, send, texts, wait_until

LETTERS = "".join(random.Random(1).choices(string.ascii_letters, k=120))
"""Nothing in it can be guessed, so that it comes letter by letter."""


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
        assert app.chat.answering.job is not None
        await pilot.press("enter")
        await pilot.pause()
        # not lost: it waits in the input
        assert app.chat.prompt.text == "typed meanwhile"
        await pilot.press("escape")
        await wait_until(pilot, idle(app))


@pytest.mark.parametrize(("answer", "layouts_a_drawing"), [(LETTERS, 0), ("\n".join(LETTERS), 1)])
async def test_text_that_grows_costs_a_layout_only_for_a_new_line(
    monkeypatch: pytest.MonkeyPatch, answer: str, layouts_a_drawing: int
) -> None:
    monkeypatch.setattr(draw_rate, "SLOWEST", draw_rate.FASTEST)
    counts = {"drawings": 0, "layouts": 0}

    def counted(owner: type, name: str, what: str) -> None:
        method = getattr(owner, name)

        def count(*arguments: object, **options: object) -> object:
            counts[what] += 1
            return method(*arguments, **options)

        monkeypatch.setattr(owner, name, count)

    app = app_for(scripted_session([answer], delay=0.02))
    async with app.run_test(size=(150, 150)) as pilot:
        await pilot.pause()
        counted(MessageView, "grow", "drawings")
        counted(ChatScreen, "_refresh_layout", "layouts")
        await send(pilot, "Go")
        await wait_until(pilot, lambda: texts(app, "assistant") == [answer] and idle(app)())
        # some for the question, the answer's place and its end
        assert counts["layouts"] <= counts["drawings"] * layouts_a_drawing + 12, counts


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
        assert app.chat.answering.job is not None
        old = app.chat.answering.job.run - 1
        app.chat.post_message(AnswerText(old, [Token(1, "LATE", 0.0, 0.0)]))
        app.chat.post_message(AnswerEnded(old, "late error"))
        await pilot.pause()
        assert app.chat.answering.job is not None
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


async def test_a_huge_message_is_folded_and_the_screen_stays_usable() -> None:
    huge = "word " * 200_000
    app = app_for(scripted_session(["Yes."], context=256))
    async with app.run_test(size=SIZE) as pilot:
        app.post_message(Paste(huge))
        await pilot.pause()
        await pilot.press("enter")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["Yes."] and idle(app)())
        view = app.chat.transcript.query(MessageView).first()
        assert view.size.height == 5
        assert view.text == huge
        assert "only its end is seen" in notes(app)
        await pilot.press("ctrl+up", "up", "up", "space")
        await wait_until(pilot, lambda: view.size.height > 1000)


@pytest.mark.parametrize("typed", ["", "a draft"])
async def test_a_message_stopped_before_the_first_word_goes_back_into_the_input(
    typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = scripted_session(["One", "Two", "Three"])
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["One"] and idle(app)())
        backend, may_read = session.require_engine().backend, threading.Event()
        prefill = backend.prefill
        monkeypatch.setattr(backend, "prefill", lambda ids: may_read.wait(60) and prefill(ids))
        await send(pilot, "More")
        await pilot.press(*typed, "escape")
        may_read.set()
        await wait_until(pilot, idle(app))
        await wait_until(pilot, lambda: (texts(app, "user"), texts(app, "assistant")) == (["Hi"], ["One"]))
        assert app.chat.prompt.text == (typed or "More")
        assert "Nothing came; your message is" in notes(app)
        await send(pilot, "Else")
        await wait_until(pilot, lambda: idle(app)() and len(texts(app, "assistant")) == 2)
        assert [said.index for said in app.chat.transcript.items if isinstance(said, Said)] == [0, 1, 2, 3]


@pytest.mark.parametrize("line", ["More", "/regenerate"])
async def test_an_answer_that_fails_leaves_the_screen_as_the_conversation_is(
    line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = scripted_session(["One"])
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["One"] and idle(app)())

        def fail(ids: object) -> None:
            raise RuntimeError("no memory")

        for way in ("prefill", "step", "read"):
            monkeypatch.setattr(session.require_engine().backend, way, fail)
        await send(pilot, line)
        await wait_until(pilot, lambda: idle(app)() and "no memory" in notes(app))
        await wait_until(pilot, lambda: (texts(app, "user"), texts(app, "assistant")) == (["Hi"], ["One"]))
        assert app.chat.prompt.text == ("More" if line == "More" else "")
