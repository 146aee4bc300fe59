"""One answer beside others."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.getters import query_one
from textual.widgets import Static

from picochat.chat.comparison import Column
from picochat.inference.engine import Token
from picochat.text.safe import printable


class AnswerColumn(Vertical):
    """Title, text and figures of a column; the text scrolls, and follows its end until the reader scrolls up.

    Args:
        column: what is shown.
        count: how many columns there are.
    """

    title = query_one(".title", Static)
    scroll = query_one(VerticalScroll)
    body = query_one(".body", Static)
    status = query_one(".status", Static)

    def __init__(self, column: Column, count: int) -> None:
        super().__init__()
        self.column = column
        self.text = column.text
        self.chosen = False
        self._count = count

    def compose(self) -> ComposeResult:
        """The layout."""
        yield Static(classes="title", markup=False)
        with VerticalScroll():
            yield Static(classes="body", markup=False)
        yield Static(classes="status", markup=False)

    def on_mount(self) -> None:
        """Show what is there already."""
        if self.column.variant is not None:
            self.scroll.anchor()
        self.show(())

    def show(self, tokens: Sequence[Token]) -> None:
        """Add streamed tokens, and say how the answer stands."""
        self.text += "".join(token.text for token in tokens)
        column = self.column
        self.set_class(column.state == "failed", "-failed")
        # told by more than a color: the mark is there without one, too
        mark = "▶" if self.chosen else " "
        self.title.update(Content(printable(f"{mark} {column.number}/{self._count} {column.label}")))
        failed = f"Error: {column.problem}" if column.problem else ""
        self.body.update(Content(printable("\n\n".join(filter(None, (self.text, failed))))))
        self.status.update("\n".join(column.figures) or column.status)

    def choose(self, chosen: bool) -> None:
        """Highlight it, or no longer."""
        self.chosen = chosen
        self.set_class(chosen, "-chosen")
        self.show(())
