"""One message of the transcript."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from picochat.inference.engine import Token
from picochat.text.safe import printable
from picochat.ui.widgets.token_text import token_content

NAMES = {"user": "You", "assistant": "picochat", "system": "System"}


class MessageView(Static):
    """A message that may still be growing.

    The text is only ever plain: brackets and escapes in it are shown, not obeyed.

    Args:
        role: who speaks.
        text: what is said; an answer has `tokens` instead where they are known.
    """

    probs: reactive[bool] = reactive(False)
    """Colour each token by its probability."""

    def __init__(self, role: str, text: str = "", tokens: Sequence[Token] = ()) -> None:
        super().__init__(markup=False, classes=f"message -{role}")
        self.role = role
        self.text = text
        self.tokens = list(tokens)
        self.footnote = ""

    def on_mount(self) -> None:
        """Show what is there already."""
        self._draw()

    def watch_probs(self) -> None:
        """Draw in the other way."""
        self._draw()

    def append(self, tokens: Sequence[Token]) -> None:
        """Add streamed tokens."""
        self.tokens += tokens
        self.text += "".join(token.text for token in tokens)
        self._draw()

    def finish(self, footnote: str) -> None:
        """Say below the text how the answer ended."""
        self.footnote = footnote
        self._draw()

    def _draw(self) -> None:
        coloured = self.probs and bool(self.tokens)
        body = token_content(self.tokens) if coloured else Content(printable(self.text))
        parts: list[Content | tuple[str, str]] = [(f"{NAMES[self.role]}\n", "bold"), body]
        if self.footnote:
            parts.append((f"\n{printable(self.footnote)}", "dim italic"))
        self.update(Content.assemble(*parts))


class NoteView(Static):
    """A note of the program: no part of the conversation."""

    def __init__(self, text: str, *, error: bool = False) -> None:
        super().__init__(Content(printable(text)), markup=False, classes="note -error" if error else "note")
        self.text = text
