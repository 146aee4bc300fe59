"""Where each token stands on the screen; Textual's widgets are not needed for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, chop_cells

from picochat.chat.pieces import JOINED, Block


@dataclass(frozen=True)
class Run:
    """A stretch of cells that belong to one token.

    Attributes:
        index: the token's place among all of the blocks.
        x, width: where it begins in its line, and how many cells it takes.
        label: it is the token's id, not its text.
    """

    index: int
    x: int
    width: int
    text: str
    label: bool = False

    def holds(self, x: int) -> bool:
        """Whether column `x` is in it."""
        return self.x <= x < self.x + self.width


@dataclass
class Line:
    """A line: the heading of a block, or tokens."""

    block: int
    heading: str | None = None
    runs: list[Run] = field(default_factory=list)


@dataclass
class Layout:
    """Blocks of tokens as lines of a width.

    Attributes:
        where: line and column at which each token begins.
    """

    lines: list[Line] = field(default_factory=list)
    where: list[tuple[int, int]] = field(default_factory=list)

    def at(self, y: int, x: int) -> int | None:
        """The token nearest to a place in line `y`; `None` where the line has none."""
        if not 0 <= y < len(self.lines) or not self.lines[y].runs:
            return None
        runs = self.lines[y].runs
        return next((run.index for run in runs if x < run.x + run.width), runs[-1].index)

    def beyond(self, index: int, step: int) -> int:
        """The token `step` lines of tokens further down, or up, in the same column; the same one where there is no line."""
        y, x = self.where[index]
        way = 1 if step > 0 else -1
        for _ in range(abs(step)):
            y += way
            # past headings, and past what a token of many lines still fills
            while 0 <= y < len(self.lines) and self.at(y, x) in (None, index):
                y += way
            nearest = self.at(y, x)
            if nearest is None:
                break
            index = nearest
        return index


def lay_out(blocks: Sequence[Block], width: int, *, ids: bool = False) -> Layout:
    """Break blocks into lines.

    A token stays on one line where a line can hold it; a line break inside a token breaks the line.

    Args:
        width: cells of a line, at least 2, so that every character fits.
        ids: write its id behind each token.
    """
    width = max(2, width)
    layout = Layout()
    index = 0
    for number, block in enumerate(blocks):
        layout.lines.append(Line(number, block.heading))
        writer = _Writer(layout, number, width)
        for piece in block.pieces:
            writer.add(index, piece.shown, f"={piece.id}" if ids else "")
            index += 1
    return layout


class _Writer:
    """Fills the lines of one block."""

    def __init__(self, layout: Layout, block: int, width: int) -> None:
        self._layout = layout
        self._block = block
        self._width = width
        self._x = width  # the first token opens a line

    def add(self, index: int, text: str, label: str) -> None:
        """Write one token."""
        first, *others = text.split("\n")
        if not cell_len(first):
            first = JOINED + first  # a letter that the terminal would join to the one before
        if self._x and self._x + cell_len(first + label) > self._width:
            self._open()
        self._layout.where.append((len(self._layout.lines) - 1, self._x))
        self._write(index, first)
        # after a break at a token's very end, the next token opens the line
        rest = [part for part in others if part]
        for part in rest:
            self._open()
            self._write(index, part)
        if label:
            self._write(index, label, label=True)
            self._x += 1
        if others and not others[-1]:
            self._x = self._width

    def _open(self) -> None:
        self._layout.lines.append(Line(self._block))
        self._x = 0

    def _write(self, index: int, text: str, *, label: bool = False) -> None:
        while text:
            room, width = self._width - self._x, cell_len(text)
            if room < min(2, width):
                self._open()
                continue
            here = text if width <= room else chop_cells(text, room)[0]
            self._layout.lines[-1].runs.append(Run(index, self._x, cell_len(here), here, label))
            self._x += cell_len(here)
            text = text[len(here) :]
