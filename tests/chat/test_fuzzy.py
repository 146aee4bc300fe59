from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.chat.fuzzy import PIECE, PREFIX, SCATTERED, WHOLE, WORD, match, ranked


@pytest.mark.parametrize(
    ("letters", "text", "rank", "marks"),
    [
        ("load", "load", WHOLE, (0, 1, 2, 3)),
        ("lo", "load", PREFIX, (0, 1)),
        ("LO", "load", PREFIX, (0, 1)),
        ("tok", "max_tokens", WORD, (4, 5, 6)),
        ("best", "runs/a/best.pt", WORD, (7, 8, 9, 10)),
        ("et", "preset reset", PIECE, (4, 5)),
        ("mtk", "max_tokens", SCATTERED, (0, 4, 6)),
        # the letters that lie nearest to each other are the ones that were meant
        ("as", "a_a_bs", SCATTERED, (2, 5)),
        ("", "load", PREFIX, ()),
    ],
)
def test_how_letters_match(letters: str, text: str, rank: int, marks: tuple[int, ...]) -> None:
    found = match(letters, text)
    assert found is not None
    assert (found.rank, found.marks) == (rank, marks)


@pytest.mark.parametrize(("letters", "text"), [("x", "load"), ("daol", "load"), ("loadd", "load"), ("a", "")])
def test_letters_that_are_not_there_or_in_another_order_match_nothing(letters: str, text: str) -> None:
    assert match(letters, text) is None


def test_the_better_match_comes_first_and_equal_ones_stay_in_order() -> None:
    names = ["xsxext", "preset", "a_set", "settings", "set", "setter"]
    assert [name for name, _ in ranked("set", names, str)] == ["set", "settings", "setter", "a_set", "preset", "xsxext"]


@given(st.text(max_size=8), st.text(max_size=30))
def test_marks_are_the_letters_in_their_order(letters: str, text: str) -> None:
    found = match(letters, text)
    if found is not None:
        assert list(found.marks) == sorted(set(found.marks))
        assert len(found.marks) == len(letters.lower())
        lowered = text.lower() if len(text.lower()) == len(text) else text
        assert "".join(lowered[mark] for mark in found.marks) == letters.lower()
