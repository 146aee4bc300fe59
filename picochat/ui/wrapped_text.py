"""Text that grows at its end, wrapped once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells
from textual.content import Content

_WORD = re.compile(r"\s*\S+\s*")
_TAB = Content("    ")


@dataclass(frozen=True)
class Line:
    """A line as it stands on the screen; it begins at character `x` of the text's line `y`."""

    content: Content
    x: int
    y: int


class WrappedText:
    """Lines of at most `width` cells.

    Greedy wrapping never changes a line but the last when text is added, so adding costs as much as what is added, however
    long the text already is.

    Args:
        width: cells a line.
        first: the number `y` of the first line.
    """

    def __init__(self, width: int, first: int = 0) -> None:
        self.width = max(2, width)
        self.lines = [Line(Content(""), 0, first)]

    def append(self, content: Content) -> None:
        """Add text at the end."""
        if "\t" in content.plain:
            content = _TAB.join(content.split("\t", allow_blank=True))
        last = self.lines.pop()
        for number, text in enumerate((last.content + content).split("\n", allow_blank=True)):
            begin = 0 if number else last.x
            cuts = breaks(text.plain, self.width)
            for start, piece in zip([0, *cuts], text.divide(cuts), strict=True):
                self.lines.append(Line(piece, begin + start, last.y + number))


def breaks(text: str, width: int) -> list[int]:
    """Where lines after the first begin in a text without newlines; white space at a line's end may stand out."""
    cuts: list[int] = []
    column = 0
    for match in _WORD.finditer(text):
        word, start = match[0], match.start()
        cells = cell_len(word.rstrip())
        if column + cells > width:
            if column:
                cuts.append(start)
                column = 0
            if cells > width:
                for piece in chop_cells(word.rstrip(), width)[:-1]:
                    start += len(piece)
                    cuts.append(start)
        column += cell_len(text[start : match.end()])
    return cuts
