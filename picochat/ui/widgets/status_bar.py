"""One line about the model and what it does."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from picochat.chat.session import ChatSession
from picochat.text.safe import printable


class StatusBar(Static):
    """State, model, device, context used, speed."""

    def __init__(self, session: ChatSession) -> None:
        super().__init__(markup=False)
        self._session = session

    def show(self, state: str) -> None:
        """Draw the line anew; `state` is a word on what is going on."""
        session = self._session
        parts = [state]
        if session.engine is not None:
            info = session.engine.info
            step = f" step {info.training['step']}" if "step" in info.training else ""
            parts += [
                f"{info.path.name}{step}",
                f"{info.device} {info.precision}",
                f"context {session.context_used}/{info.context}",
                session.mode,
            ]
            if session.last is not None and session.last.tokens_per_second:
                parts.append(f"{session.last.tokens_per_second:.0f} tok/s")
        self.update(Content(printable("  |  ".join(parts))))
