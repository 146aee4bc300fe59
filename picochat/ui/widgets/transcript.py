"""The conversation so far."""

from __future__ import annotations

from textual.containers import VerticalScroll

from picochat.ui.widgets.message import MessageView, NoteView


class Transcript(VerticalScroll, can_focus=True):
    """Messages and notes, oldest first; it follows the end until the reader scrolls up."""

    def on_mount(self) -> None:
        """Stay at the end."""
        self.anchor()

    def add_message(self, role: str, text: str = "") -> MessageView:
        """Append a message and go to the end."""
        view = MessageView(role, text)
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
