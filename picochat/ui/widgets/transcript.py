"""The conversation so far."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import VerticalScroll
from textual.reactive import reactive

from picochat.inference.engine import Token
from picochat.ui.widgets.message import MessageView, NoteView


class Transcript(VerticalScroll, can_focus=True):
    """Messages and notes, oldest first; it follows the end until the reader scrolls up."""

    def on_mount(self) -> None:
        """Stay at the end."""
        self.anchor()

    probs: reactive[bool] = reactive(False)
    """Colour the tokens of answers by their probability."""

    def watch_probs(self, probs: bool) -> None:
        """Draw what is there in the other way."""
        for view in self.query(MessageView):
            view.probs = probs

    def add_message(self, role: str, text: str = "", tokens: Sequence[Token] = ()) -> MessageView:
        """Append a message and go to the end."""
        view = MessageView(role, text, tokens)
        view.set_reactive(MessageView.probs, self.probs)
        self.mount(view)
        self.anchor()
        return view

    def add_note(self, text: str, *, error: bool = False) -> None:
        """Append a note and go to the end."""
        self.mount(NoteView(text, error=error))
        self.anchor()

    def clear(self) -> None:
        """Remove everything."""
        self.remove_children()
