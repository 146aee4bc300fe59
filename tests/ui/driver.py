"""What the tests of the app do again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from textual.widget import Widget

from picochat.chat.session import ChatSession
from picochat.ui.app import ChatApp
from picochat.ui.widgets.message import MessageView, NoteView

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
    return lambda: app.chat.answering.job is None


async def handled(pilot, widget: Widget) -> None:
    """Wait until a key that was pressed on the widget, and what the widget then posted, have been dealt with on all levels.

    On a busy machine a pause may end before: who then asks whether an answer is coming, is told how it was before the key.
    """
    for node in (pilot.app, pilot.app.screen, widget, *widget.ancestors):
        passed = asyncio.Event()
        node.call_later(passed.set)
        while node.is_running and not passed.is_set():
            await pilot.pause()
    await pilot.pause()


async def send(pilot, text: str) -> None:
    app: ChatApp = pilot.app
    app.chat.prompt.focus()
    app.chat.prompt.text = text
    await pilot.pause()
    # a text set by a test opens the popup as typing does; a whole line is sent past it
    app.chat.popup.hide()
    await pilot.press("enter")
    await handled(pilot, app.chat.prompt)
