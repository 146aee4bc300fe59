"""How often text that is being written reaches the screen."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from picochat.inference.generation import Token
from picochat.ui import work


def shown(monkeypatch: pytest.MonkeyPatch, rate: int, seconds: float) -> list[list[Token]]:
    """What is posted while tokens come at that rate."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(work.time, "monotonic", lambda: clock.now)

    def tokens() -> Iterator[Token]:
        for number in range(int(rate * seconds)):
            clock.now += 1 / rate
            yield Token(number, str(number), 0.0, clock.now)

    posts: list[list[Token]] = []
    work.deliver(tokens(), posts.append)
    return posts


@pytest.mark.parametrize(("rate", "fewest", "most"), [(5, 5, 5), (100, 20, 30), (2000, 9, 11)])
def test_a_fast_model_is_shown_less_often(monkeypatch: pytest.MonkeyPatch, rate: int, fewest: int, most: int) -> None:
    posts = shown(monkeypatch, rate, 1.0)
    assert fewest <= len(posts) <= most
    assert [token.id for tokens in posts for token in tokens] == list(range(rate))


def test_what_was_held_back_is_shown_when_the_answer_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Iterator[Token]:
        yield Token(1, "a", 0.0, 0.0)
        raise RuntimeError

    posts: list[list[Token]] = []
    with pytest.raises(RuntimeError):
        work.deliver(broken(), posts.append)
    assert [token.text for tokens in posts for token in tokens] == ["a"]
