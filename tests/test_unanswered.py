"""Talks in which a question of the assistant's is passed over."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

DATA = Path(__file__).parent.parent / "data"
TALKS = """
== plants
{plant} = beans | carrots
> I planted {plant}.
< {plant:c} need water. | What do {plant} need?
> They grow well.
< I'm glad. What do you do with them?
> I eat them raw.
< Eat them slowly.
"""
THEMES = """
== a cat
> My cat sleeps.
< Cats sleep a lot.
? Where does it sleep?
> On the sofa.
< That's a warm place.
"""
WRITTEN = """
User: I lost my hat.
Assistant: I'm sorry. What color was it?
User: It was red, of course.
Assistant: Red is easy to see.

User: How many eyes has a spider?
Assistant: Mostly eight.
"""
REACTIONS = """
== thanks
> Thanks. | Okay, thanks.
< You're welcome. | Gladly.
"""


@pytest.fixture
def unanswered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(DATA)
    from generators import reactions, talks, themes, unanswered, written

    for module, text in ((talks, TALKS), (themes, THEMES), (written, WRITTEN)):
        folder = tmp_path / module.__name__
        folder.mkdir()
        (folder / "few.txt").write_text(text.strip() + "\n")
        monkeypatch.setattr(module, "FOLDER", folder)
    file = tmp_path / "reactions.txt"
    file.write_text(REACTIONS.strip() + "\n")
    monkeypatch.setattr(reactions, "FILE", file)
    cached = (
        reactions.all_reactions,
        *(talks.all_talks, talks.that_begin_anywhere, themes.all_themes),
        *(written.all_written, written.that_begin_anywhere),
    )
    for each in cached:
        each.cache_clear()
    yield unanswered
    for each in cached:
        each.cache_clear()


def drawn(unanswered: ModuleType, count: int) -> list[list[str]]:
    from generators.chat import Chat

    rng = random.Random(1)
    chats = [Chat(rng) for _ in range(count)]
    for chat in chats:
        unanswered.compose(chat)
    return [[message.lower() for message in chat.messages] for chat in chats]


def test_a_question_is_asked_and_not_answered(unanswered: ModuleType) -> None:
    asked = set()
    for messages in drawn(unanswered, 200):
        questions = [place for place, message in enumerate(messages) if place % 2 and message.endswith("?")]
        assert questions and questions[0] + 1 < len(messages)
        for question in ("do with them?", "where does it sleep?", "what color was it?"):
            place = next((place for place in questions if messages[place].endswith(question)), None)
            if place is not None and place == questions[0]:
                asked.add(question)
                following = messages[place + 1] if place + 1 < len(messages) else ""
                assert not any(answer in following for answer in ("i eat them", "on the sofa", "it was red"))
    assert len(asked) == 3


def test_what_is_said_instead_gets_its_own_answer(unanswered: ModuleType) -> None:
    said = {}
    for messages in drawn(unanswered, 300):
        for message, answer in zip(messages[::2], messages[1::2], strict=True):
            said.setdefault(message.rstrip("?."), set()).add(answer)
    assert said["how many eyes has a spider"] == {"mostly eight."}
    assert said["thanks"] == {"you're welcome.", "gladly."}


def test_only_what_can_stand_anywhere_is_taken_from_the_middle_of_nothing(unanswered: ModuleType) -> None:
    from generators import written

    assert written.that_begin_anywhere() == written.all_written()
    (written.FOLDER / "more.txt").write_text("User: hi there\nAssistant: Hello! How are you?\n")
    written.all_written.cache_clear()
    written.that_begin_anywhere.cache_clear()
    assert len(written.that_begin_anywhere()) == len(written.all_written()) - 1
