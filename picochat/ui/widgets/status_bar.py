"""One line about the model and what it does."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from picochat.chat.session import ChatSession
from picochat.inference.engine import STOP_TEXT
from picochat.text.safe import printable

SEPARATOR = "  |  "
METER = 8
"""Cells of the bar that shows how full the window is."""


class StatusBar(Static):
    """State, model, context used, speed, device and why the last answer ended; on a narrow screen the later ones go."""

    def __init__(self, session: ChatSession) -> None:
        super().__init__(markup=False)
        self._session = session
        self._state = ""

    def show(self, state: str) -> None:
        """Draw the line anew; `state` is a word on what is going on."""
        self._state = state
        parts = [printable(part) for part in self._parts()]
        width = self.content_size.width or 1_000
        while len(parts) > 1 and len(SEPARATOR.join(parts)) > width:
            parts.pop()
        # it is always one line, and a layout of the screen costs many times what it does
        self.update(Content(SEPARATOR.join(parts)), layout=False)

    def on_resize(self) -> None:
        """There may be room for more, or for less."""
        self.show(self._state)

    def _parts(self) -> list[str]:
        """What there is to say, the most important first."""
        session = self._session
        if session.engine is None:
            return [self._state]
        info, last = session.engine.info, session.last
        step = f" step {info.training['step']:,}" if "step" in info.training else ""
        parts = [self._state, f"{info.path.name}{step}", meter(session.context_used, info.context)]
        if last is not None and last.tokens_per_second and last.seconds != last.first_token_seconds:
            parts.append(f"{last.tokens_per_second:.0f} tok/s")
        parts += [session.mode, f"{info.device} {info.precision}"]
        if last is not None and last.first_token_seconds is not None:
            parts.append(f"first token {last.first_token_seconds * 1000:,.0f} ms")
        if last is not None and last.stop is not None:
            parts.append(f"last: {STOP_TEXT[last.stop]}")
        return parts


def meter(used: int, window: int) -> str:
    """How much of the window is taken, as a bar and in tokens."""
    full = min(METER, -(-used * METER // window)) if used else 0
    return f"context {'▰' * full}{'▱' * (METER - full)} {used:,}/{window:,}"
