"""Finding what somebody means from a few letters of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

WHOLE, PREFIX, WORD, PIECE, SCATTERED = range(5)
"""How well letters match a text, from the best: all of it, its beginning, that of a word, one piece, here and there."""


@dataclass(frozen=True, order=True)
class Match:
    """How well letters match a text; the least is the best.

    Attributes:
        rank: how well, from `WHOLE` to `SCATTERED`.
        span: how much text the letters stretch over.
        marks: where they are.
    """

    rank: int
    span: int
    marks: tuple[int, ...]


def match(letters: str, text: str) -> Match | None:
    """Find letters in a text in their order, whatever their case; `None` where they are not all there."""
    letters, lowered = letters.lower(), text.lower()
    if len(lowered) != len(text):  # a letter that gets longer would shift the marks
        lowered = text
    if not letters:
        return Match(PREFIX, 0, ())
    start = lowered.find(letters)
    if start >= 0:
        word = re.search(rf"(?<![^\W_]){re.escape(letters)}", lowered)
        start = word.start() if start and word else start
        rank = PREFIX if start == 0 else WORD if word else PIECE
        marks = tuple(range(start, start + len(letters)))
        return Match(WHOLE if letters == lowered else rank, len(letters), marks)
    best: tuple[int, ...] = ()
    place = -1
    while marks := _in_order(letters, lowered, place + 1):
        place = marks[0]
        if not best or marks[-1] - place < best[-1] - best[0]:
            best = marks
    return Match(SCATTERED, best[-1] - best[0] + 1, best) if best else None


def ranked(letters: str, things: Iterable[T], text: Callable[[T], str]) -> list[tuple[T, Match]]:
    """The things whose text matches, best first; equally good ones stay in their order."""
    found = [(thing, fit) for thing in things if (fit := match(letters, text(thing)))]
    return sorted(found, key=lambda pair: (pair[1].rank, pair[1].span))


def _in_order(letters: str, text: str, place: int) -> tuple[int, ...]:
    """Where the letters are when each is taken as early as can be from `place` on; empty when one is missing."""
    marks: list[int] = []
    for letter in letters:
        place = text.find(letter, place)
        if place < 0:
            return ()
        marks.append(place)
        place += 1
    return tuple(marks)
