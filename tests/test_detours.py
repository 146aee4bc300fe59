"""Talks that another matter comes into."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

DATA = Path(__file__).parent.parent / "data"
TALKS = """
== plants
{plant} = beans | carrots
{day} = Monday | Friday
> Hello.
< Hello!
> I planted {plant}.
< {plant:c} need water.
> They grow well.
< I'm glad. What do you do with them?
> I eat them on {day}.
< A good plan for {day}.
> Do you remember what I planted?
< You planted {plant}. | {plant:c}, you said.
> What day did I say?
< You said {day}.
> Bye.
< Goodbye!

== a hat
{color} = red | green
> I lost my {color} hat.
< I'm sorry about your {color} hat.
> It was new.
< That's a pity.
"""


@pytest.fixture
def detours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(DATA)
    from generators import detours, talks

    (tmp_path / "talks.txt").write_text(TALKS)
    cached = (talks.all_talks, detours._that_can_be_left, talks.that_begin_anywhere)
    monkeypatch.setattr(talks, "FOLDER", tmp_path)
    for each in cached:
        each.cache_clear()
    yield detours
    for each in cached:
        each.cache_clear()


def drawn(detours: ModuleType, count: int) -> list[list[str]]:
    from generators.chat import Chat

    rng = random.Random(1)
    chats = [Chat(rng) for _ in range(count)]
    for chat in chats:
        detours.compose(chat)
    return [[message.lower() for message in chat.messages] for chat in chats]


def test_the_first_matter_is_left_and_asked_for_after_the_second(detours: ModuleType) -> None:
    for messages in drawn(detours, 60):
        second = next(place for place, message in enumerate(messages) if "sorry about your" in message)
        told = [place for place, message in enumerate(messages) if "you planted" in message or "you said" in message]
        assert messages[1] == "hello!" and 1 < second < max(told)
        assert not messages[second - 2].endswith("?"), "a question must not be left open"


def test_only_what_was_told_is_asked_for_and_told_alike(detours: ModuleType) -> None:
    for messages in drawn(detours, 60):
        text = "\n".join(messages)
        for values in ("beans|carrots", "monday|friday", "red|green"):
            assert len(set(re.findall(values, text))) <= 1
        if any("you said monday" in message or "you said friday" in message for message in messages):
            assert any("a good plan for" in message for message in messages)


def test_the_goodbye_comes_last(detours: ModuleType) -> None:
    assert all(messages[-1] == "goodbye!" for messages in drawn(detours, 20))
