from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.ui.plot import GUTTER, MARK, plot


def test_a_falling_line_with_its_axes() -> None:
    xs = list(range(1, 101))
    rows = plot((xs, [10.0 - x / 20 for x in xs]), [], 28, 7)
    assert rows == [
        " 9.900 ┤⠉⠒⢄⡀                ",
        "       │   ⠈⠑⠤⡀             ",
        "       │      ⠈⠑⠢⣀          ",
        " 7.071 ┤          ⠉⠢⢄⡀      ",
        "       │             ⠈⠒⢄⡀   ",
        " 5.050 ┤                ⠈⠑⠤⣀",
        "        step 1           100",
    ]


def test_marks_lie_over_the_line_and_widen_the_axes() -> None:
    rows = plot(([1, 2, 3], [3.0, 2.0, 1.0]), [(2, 2.0), (9, 0.5)], 30, 9)
    assert "".join(rows).count(MARK) == 2
    assert rows[-2].endswith(MARK)
    assert rows[-2].strip().startswith("0.500")
    assert rows[-1].split() == ["step", "1", "9"]


@pytest.mark.parametrize(
    ("line", "marks"), [(([], []), []), (([1], [math.nan]), []), (([1, 2], [math.inf, math.nan]), [(3, math.nan)])]
)
def test_without_a_point_it_says_so(line: tuple[list[float], list[float]], marks: list[tuple[float, float]]) -> None:
    rows = plot(line, marks, 30, 8)
    assert "".join(rows).split() == ["no", "loss", "yet"]


def test_a_flat_line_and_a_single_point_are_drawn() -> None:
    for line in (([1, 2, 3], [2.0, 2.0, 2.0]), ([5], [2.0])):
        rows = plot(line, [], 30, 8)
        assert any("\u2800" < character < "\u28ff" for row in rows for character in row[GUTTER:])


numbers = st.floats() | st.integers(-5, 5).map(float)


@given(st.lists(numbers), st.lists(st.tuples(numbers, numbers)), st.integers(0, 70), st.integers(0, 30))
def test_any_points_fill_exactly_the_size(
    ys: list[float], marks: list[tuple[float, float]], width: int, height: int
) -> None:
    rows = plot((list(range(len(ys))), ys), marks, width, height)
    assert [len(row) for row in rows] == [width] * height
