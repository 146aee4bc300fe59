"""A small app with the chat's input and popup and nothing behind them; run by itself it shows what was sent."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from textual import on
from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

import picochat.ui
from picochat.chat.prompts import PromptHistory
from picochat.chat.session import ChatSession
from picochat.ui.widgets.command_popup import CommandPopup
from picochat.ui.widgets.prompt import PromptInput


class PromptHost(App[None]):
    CSS_PATH = Path(picochat.ui.__file__).parent / "input.tcss"
    CSS = "#sent {height: 1fr;}"

    def __init__(self, session: ChatSession | None = None, history: PromptHistory | None = None) -> None:
        super().__init__()
        self.session = session or ChatSession()
        self.history = history or PromptHistory()
        self.answering = False
        self.sent: list[str] = []
        self.suspended = 0

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(id="sent", markup=False)
            popup = CommandPopup(self.session, lambda: self.answering)
            yield popup
            yield PromptInput(self.history, popup)

    @property
    def prompt(self) -> PromptInput:
        return self.query_one(PromptInput)

    @property
    def popup(self) -> CommandPopup:
        return self.query_one(CommandPopup)

    @property
    def labels(self) -> list[str]:
        return [offer.label for offer in self.popup.offers]

    @contextlib.contextmanager
    def suspend(self) -> Iterator[None]:
        """As the real one does, but for the terminal, which a test has none of."""
        if self.is_headless:
            self.suspended += 1
            yield
        else:
            with super().suspend():
                yield

    @on(CommandPopup.OptionSelected)
    def _clicked(self) -> None:
        self.prompt.take_offer("enter")

    @on(PromptInput.Submitted)
    def _sent(self, event: PromptInput.Submitted) -> None:
        self.sent.append(event.text)
        self.query_one("#sent", Static).update(f"{len(self.sent)} sent, last: {event.text!r}")

    def key_escape(self) -> None:
        self.popup.hide()


async def wait_until(pilot, condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the app never got there"
        await pilot.pause(0.01)


if __name__ == "__main__":
    history = os.environ.get("PROMPT_HOST_HISTORY")
    PromptHost(history=PromptHistory(Path(history) if history else None)).run()
