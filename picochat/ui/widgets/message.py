"""One message of the transcript."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from picochat.text.safe import printable

NAMES = {"user": "You", "assistant": "picochat", "system": "System"}


class MessageView(Static):
    """A message that may still be growing.

    The text is only ever plain: brackets and escapes in it are shown, not obeyed.
    """

    def __init__(self, role: str, text: str = "") -> None:
        super().__init__(markup=False, classes=f"message -{role}")
        self.role = role
        self.text = text
        self.footnote = ""

    def on_mount(self) -> None:
        """Show what is there already."""
        self._draw()

    def append(self, text: str) -> None:
        """Add streamed text."""
        self.text += text
        self._draw()

    def finish(self, footnote: str) -> None:
        """Say below the text how the answer ended."""
        self.footnote = footnote
        self._draw()

    def _draw(self) -> None:
        parts: list[Content | tuple[str, str]] = [(f"{NAMES[self.role]}\n", "bold"), Content(printable(self.text))]
        if self.footnote:
            parts.append((f"\n{printable(self.footnote)}", "dim italic"))
        self.update(Content.assemble(*parts))


class NoteView(Static):
    """A note of the program: no part of the conversation."""

    def __init__(self, text: str, *, error: bool = False) -> None:
        super().__init__(Content(printable(text)), markup=False, classes="note -error" if error else "note")
        self.text = text
