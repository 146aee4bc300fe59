"""What is said below an answer."""

from __future__ import annotations

import pytest

from picochat.chat.footnote import footnote, pace_of, tokens_per_second


@pytest.mark.parametrize(
    ("count", "seconds", "first", "speed", "words"),
    [
        (11, 3.0, 1.0, 5.0, "5 a second"),
        (12, 0.25, 0.25, 48.0, "in 0.2 s"),
        (1, 0.25, 0.25, 0.0, ""),
        (None, None, None, 0.0, ""),
        (5, 0.0, 0.0, 0.0, ""),
    ],
)
def test_how_fast_it_came(count: int | None, seconds: float | None, first: float | None, speed: float, words: str) -> None:
    assert tokens_per_second(count, seconds, first) == pytest.approx(speed)
    assert pace_of(count, seconds, first) == words


def test_only_what_is_known_is_told() -> None:
    assert footnote(12, "in 0.2 s", 7, "end") == "12 tokens, in 0.2 s, seed 7, end of turn"
    assert footnote(1, "", None, "length") == "1 token, length limit"
    assert footnote(None, "", None, None) == ""
