from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from picochat.chat.pieces import Block, Piece, pieces_of
from picochat.ui.token_layout import Layout, lay_out
from picochat.ui.widgets.context_meter import share_out
from tests.fakes import char_tokenizer

CHARACTERS = char_tokenizer()


def block(text: str) -> Block:
    return Block("text", pieces_of(CHARACTERS, CHARACTERS.encode(text)))


def shown(layout: Layout) -> list[str]:
    return ["".join(run.text for run in line.runs) for line in layout.lines if line.runs]


@given(st.lists(st.text(max_size=60), max_size=4), st.integers(0, 30), st.booleans())
def test_every_token_is_drawn_whole_inside_the_lines(texts: list[str], width: int, ids: bool) -> None:
    blocks = [block(text) for text in texts]
    layout = lay_out(blocks, width, ids=ids)
    pieces = [piece for each in blocks for piece in each.pieces]
    assert len(layout.where) == len(pieces)
    drawn = [""] * len(pieces)
    for line in layout.lines:
        end = 0
        for run in line.runs:
            assert run.x >= end
            assert run.width == cell_len(run.text)
            end = run.x + run.width
            drawn[run.index] += "" if run.label else run.text
        assert end <= max(2, width)
    for text, piece in zip(drawn, pieces, strict=True):
        assert text.removeprefix("◌") == piece.shown.replace("\n", "").removeprefix("◌")
    for index, (y, x) in enumerate(layout.where):
        assert layout.at(y, x) == index
        assert [line.heading is None for line in layout.lines][y]


def test_lines_break_at_newlines_and_between_tokens() -> None:
    assert shown(lay_out([block("ab\n\ncdefg")], 4)) == ["ab⏎", "⏎", "cdef", "g"]


def test_a_token_wider_than_the_lines_goes_on_in_the_next() -> None:
    special = Block("mark", pieces_of(CHARACTERS, [CHARACTERS.end_of_text, *CHARACTERS.encode("a")]))
    assert shown(lay_out([special], 6)) == ["<|endo", "ftext|", ">a"]


def test_ids_stand_behind_their_tokens() -> None:
    (line,) = shown(lay_out([block("ab")], 40, ids=True))
    first, second = CHARACTERS.encode("ab")
    assert line == f"a={first}b={second}"


def test_a_line_further_is_the_nearest_token_below_and_headings_are_passed() -> None:
    layout = lay_out([block("abcd\nef"), block("ghij")], 10)
    d, f, j = 3, 6, 10
    assert layout.beyond(d, 1) == f
    assert layout.beyond(f, 1) == j - 2
    assert layout.beyond(j, -2) == d
    assert layout.beyond(j, 5) == j
    assert layout.beyond(0, -1) == 0


def test_a_token_of_many_lines_is_one_step() -> None:
    pieces = [Piece(index, text, text.encode(), special=False) for index, text in enumerate(["ab", "\n\n\n", "c" * 20, "d"])]
    layout = lay_out([Block("text", tuple(pieces))], 6)
    assert shown(layout) == ["ab⏎", "⏎", "⏎", "cccccc", "cccccc", "cccccc", "ccd"]
    assert [layout.beyond(index, 1) for index in (0, 1, 2)] == [1, 2, 2]
    assert [layout.beyond(index, -1) for index in (3, 2, 1)] == [2, 1, 1]


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=5), st.integers(0, 120))
def test_the_bar_is_as_wide_as_the_screen_and_shows_what_there_is(shares: list[int], width: int) -> None:
    cells = share_out(shares, width)
    assert min(cells) >= 0
    if any(shares):
        assert sum(cells) == width
    if width >= len(shares):
        assert all(cell > 0 for cell, share in zip(cells, shares, strict=True) if share)
    assert not any(cell for cell, share in zip(cells, shares, strict=True) if not share)
