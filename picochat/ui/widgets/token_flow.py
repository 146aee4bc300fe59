"""Text with the borders of its tokens visible, and a cursor that goes from token to token."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from picochat.chat.pieces import Block, Piece
from picochat.ui.token_layout import Layout, Line, Run, lay_out

MOVES = Binding.Group("Token", compact=True)


class TokenFlow(ScrollView, can_focus=True):
    """Blocks of tokens; only the lines in view are drawn.

    Every second token is underlined, so that borders show without colours.

    Args:
        blocks: what to show.
        ids: write each token's id behind it.
        cursor: the token selected first.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "token-flow--heading",
        "token-flow--odd",
        "token-flow--special",
        "token-flow--fallen",
        "token-flow--id",
        "token-flow--cursor",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Token before", group=MOVES),
        Binding("right", "move(1)", "Token after", group=MOVES),
        Binding("up", "move_lines(-1)", "Line up", show=False),
        Binding("down", "move_lines(1)", "Line down", show=False),
        Binding("pageup", "move_pages(-1)", "Page up", show=False),
        Binding("pagedown", "move_pages(1)", "Page down", show=False),
        Binding("home", "move(-1000000)", "First token", show=False),
        Binding("end", "move(1000000)", "Last token", show=False),
        Binding("shift+tab", "move_blocks(-1)", "Section before", show=False),
        Binding("tab", "move_blocks(1)", "Next section"),
        Binding("i", "toggle_ids", "Ids"),
    ]

    cursor: reactive[int] = reactive(0, init=False)
    ids: reactive[bool] = reactive(False, init=False)

    @dataclass
    class Selected(Message):
        """The cursor has come to a token."""

        index: int

    def __init__(self, blocks: Sequence[Block], *, ids: bool = False, cursor: int = 0) -> None:
        super().__init__()
        self.blocks = list(blocks)
        self.pieces: list[Piece] = [piece for block in self.blocks for piece in block.pieces]
        sizes = [len(block.pieces) for block in self.blocks]
        self.starts = list(accumulate(sizes, initial=0))[:-1]
        self.lines_of_tokens = Layout()
        self.set_reactive(TokenFlow.ids, ids)
        self.set_reactive(TokenFlow.cursor, cursor)

    def block_of(self, index: int) -> Block:
        """The block that holds a token."""
        return self.blocks[bisect(self.starts, index) - 1]

    # -- moving ---------------------------------------------------------------------------------------------------------

    def validate_cursor(self, cursor: int) -> int:
        """No further than the last token."""
        return max(0, min(len(self.pieces) - 1, cursor))

    def watch_cursor(self) -> None:
        """Show the token, and tell of it."""
        self.refresh()
        self._show_cursor()
        self.post_message(self.Selected(self.cursor))

    def action_move(self, step: int) -> None:
        """Go some tokens on."""
        self.cursor += step

    def action_move_lines(self, step: int) -> None:
        """Go some lines down; above the first line of tokens, as far up as there is something to see."""
        if self.pieces:
            self.cursor = self.lines_of_tokens.beyond(self.cursor, step)

    def action_move_pages(self, step: int) -> None:
        """Go some pages down."""
        self.action_move_lines(step * max(1, self.size.height - 1))

    def action_move_blocks(self, step: int) -> None:
        """Go to the beginning of another block; backwards, to that of this one first."""
        if step > 0:
            self.cursor = next((start for start in self.starts if start > self.cursor), len(self.pieces) - 1)
        else:
            self.cursor = next((start for start in reversed(self.starts) if start < self.cursor), 0)

    def action_toggle_ids(self) -> None:
        """Write the tokens' ids, or stop doing so."""
        self.ids = not self.ids

    def on_click(self, event: Click) -> None:
        """Select the token that was clicked."""
        index = self.lines_of_tokens.at(event.y + round(self.scroll_y), event.x)
        if index is not None:
            self.cursor = index

    # -- drawing --------------------------------------------------------------------------------------------------------

    def on_resize(self, _: Resize) -> None:
        """Break the lines anew."""
        self._lay_out()

    def watch_ids(self) -> None:
        """Break the lines anew, with or without the ids."""
        self._lay_out()

    def _lay_out(self) -> None:
        first = not self.lines_of_tokens.lines
        width = self.scrollable_content_region.width
        self.lines_of_tokens = lay_out(self.blocks, width, ids=self.ids)
        self.virtual_size = Size(width, len(self.lines_of_tokens.lines))
        self.refresh()
        self._show_cursor(center=first)

    def _show_cursor(self, *, center: bool = False) -> None:
        if self.pieces and self.lines_of_tokens.where:
            y, _ = self.lines_of_tokens.where[self.cursor]
            # the heading above a block's first line comes into view with it
            above = y > 0 and self.lines_of_tokens.lines[y - 1].heading is not None
            self.scroll_to_region(Region(0, y - above, 1, 1 + above), center=center, animate=False, force=True)

    def render_line(self, y: int) -> Strip:
        """One line of the view."""
        y += round(self.scroll_y)
        lines = self.lines_of_tokens.lines
        width = self.size.width
        if y >= len(lines):
            return Strip.blank(width, self.rich_style)
        line = lines[y]
        segments = self._heading(line) if line.heading is not None else self._tokens(line)
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _heading(self, line: Line) -> list[Segment]:
        style = self.get_component_rich_style("token-flow--heading")
        if self.blocks[line.block].fallen:
            style += self._overlay("fallen")
        return [Segment(f"\u2500\u2500 {line.heading} ", style)]

    def _tokens(self, line: Line) -> list[Segment]:
        segments: list[Segment] = []
        x = 0
        for run in line.runs:
            if run.x > x:
                segments.append(Segment(" " * (run.x - x), self.rich_style))
            segments.append(Segment(run.text, self._style(run, line)))
            x = run.x + run.width
        return segments

    def _style(self, run: Run, line: Line) -> Style:
        style: Style = self.rich_style
        if self.blocks[line.block].fallen:
            style += self._overlay("fallen")
        if run.label:
            style += self._overlay("id")
        else:
            if self.pieces[run.index].special:
                style += self._overlay("special")
            if run.index % 2:
                style += self._overlay("odd")
        if run.index == self.cursor:
            style += self._overlay("cursor")
        return style

    def _overlay(self, name: str) -> Style:
        return self.get_component_rich_style(f"token-flow--{name}", partial=True)
