"""How often text that is being written reaches the screen."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from picochat.inference.generation import Token
from picochat.ui import draw_rate, work


def shown(monkeypatch: pytest.MonkeyPatch, rate: int, drawing: float) -> list[list[Token]]:
    """What is posted in a second while tokens come at that rate, and showing some takes `drawing` seconds."""
    clock, processor = SimpleNamespace(now=0.0), SimpleNamespace(spent=0.0)
    monkeypatch.setattr(work.time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(draw_rate.time, "thread_time", lambda: processor.spent)
    drawn = draw_rate.DrawRate()

    def tokens() -> Iterator[Token]:
        for number in range(rate):
            clock.now += 1 / rate
            yield Token(number, str(number), 0.0, clock.now)

    posts: list[list[Token]] = []

    def draw(some: list[Token]) -> None:
        posts.append(some)
        drawn.measure()
        processor.spent += drawing

    work.deliver(tokens(), draw, drawn)
    return posts


@pytest.mark.parametrize(
    ("rate", "drawing", "fewest", "most"),
    [
        (5, 0.001, 5, 5),
        (100, 0.001, 20, 30),
        (2000, 0.001, 28, 30),
        (2000, 0.005, 9, 13),
        (2000, 0.01, 5, 8),
        (2000, 0.1, 4, 8),
        (5, 0.005, 5, 5),
    ],
)
def test_text_is_drawn_less_often_where_drawing_is_slow(
    monkeypatch: pytest.MonkeyPatch, rate: int, drawing: float, fewest: int, most: int
) -> None:
    posts = shown(monkeypatch, rate, drawing)
    assert fewest <= len(posts) <= most
    assert [token.id for tokens in posts for token in tokens] == list(range(rate))


def test_what_was_held_back_is_shown_when_the_answer_breaks_off() -> None:
    def broken() -> Iterator[Token]:
        yield Token(1, "a", 0.0, 0.0)
        raise RuntimeError

    posts: list[list[Token]] = []
    with pytest.raises(RuntimeError):
        work.deliver(broken(), posts.append, draw_rate.DrawRate())
    assert [token.text for tokens in posts for token in tokens] == ["a"]
