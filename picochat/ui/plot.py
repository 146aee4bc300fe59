"""A line plot as rows of text: a pure function, of points and a size."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

from picochat.metrics import LARGEST, downsample

MARK = "\u25c6"
"""What stands for a marked point; its shape tells it from the line where there is no colour."""
BLANK = 0x2800
# the bits of a braille pattern, by row and column of its eight dots
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
GUTTER = 8
"""Columns that the labels of the upright axis take, the axis included."""
LEAST_WIDTH, LEAST_HEIGHT = GUTTER + 4, 3


def plot(
    line: tuple[Sequence[float], Sequence[float]], marks: Sequence[tuple[float, float]], width: int, height: int
) -> list[str]:
    """Rows of exactly `width` characters: a curve in braille dots, `marks` over it, and both axes with their ends.

    Args:
        line: ascending x, and y; where several fall into one column of dots their mean is drawn.
        marks: single points; what is not finite is left out, of both.
    """
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return [" " * width for _ in range(height)]
    columns, rows = width - GUTTER, height - 1
    marks = [(x, y) for x, y in marks if abs(x) <= LARGEST and abs(y) <= LARGEST]
    xs, ys = line
    ends = [*xs[:1], *xs[-1:], *(x for x, _ in marks)]
    if not ends:
        return _empty(width, height)
    first, last = min(ends), max(ends)
    means = downsample(xs, ys, 2 * columns, (first, last))
    heights = [*(mean for mean in means if mean is not None), *(y for _, y in marks)]
    if not heights:
        return _empty(width, height)
    low, high = min(heights), max(heights)

    def level(y: float, levels: int) -> int:
        # counted from the top; a flat line lies in the middle
        share = (high - y) / (high - low) if high > low else 0.5
        return min(levels - 1, int(share * levels))

    cells = [[BLANK] * columns for _ in range(rows)]
    points = [(column, level(mean, 4 * rows)) for column, mean in enumerate(means) if mean is not None]
    for dot, depth in _connected(points):
        cells[depth // 4][dot // 2] |= DOTS[depth % 4][dot % 2]
    grid = [[chr(cell) if cell != BLANK else " " for cell in row] for row in cells]
    for x, y in marks:
        column = int((x - first) / (last - first) * columns) if last > first else 0
        grid[level(y, rows)][min(columns - 1, column)] = MARK
    labels = {0: _label(high), rows - 1: _label(low)}
    if rows > 4 and high > low:
        labels[rows // 2] = _label(high - (high - low) * (rows // 2 + 0.5) / rows)
    upright = [f"{labels.get(row, ''):>{GUTTER - 2}} {'┤' if row in labels else '│'}" for row in range(rows)]
    return [*map("".join, zip(upright, map("".join, grid), strict=True)), _foot(first, last, width)]


def _connected(points: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The points and what lies between neighbours."""
    yield from points[:1]
    for (x, y), (to_x, to_y) in pairwise(points):
        count = max(abs(to_x - x), abs(to_y - y))
        for part in range(1, count + 1):
            yield x + round((to_x - x) * part / count), y + round((to_y - y) * part / count)


def _foot(first: float, last: float, width: int) -> str:
    left, right = f"step {first:,.0f}", f"{last:,.0f}"
    room = width - GUTTER
    text = f"{left}{right:>{room - len(left)}}" if len(left) + len(right) < room else f"{right:>{room}}"
    return f"{' ' * GUTTER}{text}"[:width]


def _empty(width: int, height: int) -> list[str]:
    return [f"{'no loss yet':^{width}}" if row == height // 2 else " " * width for row in range(height)]


def _label(value: float) -> str:
    digits = 0 if abs(value) < 1e-4 or not math.isfinite(value) else max(0, min(3, 3 - int(math.log10(abs(value)))))
    text = f"{value:.{digits}f}"
    return text if len(text) <= GUTTER - 2 else f"{value:.0e}"
