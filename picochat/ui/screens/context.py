"""The model's window under the lens: exactly what it sees, and what fell off."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from picochat.chat.context_view import ContextView
from picochat.text.chat_format import Part
from picochat.ui.screens.tokens import LensScreen
from picochat.ui.widgets.context_meter import ContextMeter


class ContextScreen(LensScreen):
    """All tokens of the window in order, behind those that fell off; it begins at the first one in the window.

    Args:
        view: the window, as it was when it was looked at.
    """

    def __init__(self, view: ContextView) -> None:
        self.view = view
        self.fallen = sum(len(block.pieces) for block in view.blocks if block.fallen)
        super().__init__(view.blocks, cursor=self.fallen)

    def figures(self) -> Iterable[Widget]:
        """How full the window is."""
        return [ContextMeter(self.view.shares), Static(Content(self.view.summary()), id="summary")]

    def place(self, index: int) -> str:
        """Its place in the window, and what it belongs to."""
        block = self.flow.block_of(index)
        frame = ", frame" if self.flow.pieces[index].part == Part.STRUCTURE else ""
        if block.fallen:
            return f"fell off: {block.title}{frame}"
        return f"token {index - self.fallen + 1:,} of {len(self.view.seen):,}: {block.title}{frame}"
