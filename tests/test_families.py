"""Who is who: what is asked of two people is what was told of them."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def talks(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[str, str]]]:
    monkeypatch.syspath_prepend(DATA)
    from generators import families
    from generators.chat import Chat

    chats = [Chat(random.Random(seed)) for seed in range(600)]
    for chat in chats:
        families.compose(chat)
    return [list(zip(chat.messages[::2], chat.messages[1::2], strict=True)) for chat in chats]


def messages(talk: list[tuple[str, str]]) -> list[str]:
    return [ask.lower() for ask, _ in talk]


def test_an_age_in_an_answer_was_told_of_that_person(talks: list[list[tuple[str, str]]]) -> None:
    answered = untold = 0
    for talk in talks:
        for ask, answer in talk:
            if found := re.fullmatch(r"(?:You said that )?(\w+) is (\d+)(?: years old)?\.", answer):
                assert any(found[2] in message for message in messages(talk))
                answered += "old" in ask.lower()
            elif found := re.fullmatch(r"You haven't told me how old (\w+) is\.", answer):
                assert not any(re.search(rf"{found[1].lower()} is \d", message) for message in messages(talk))
                untold += 1
    assert answered > 20
    assert untold > 20


def test_nobody_asks_what_an_animal_or_a_child_works_as(talks: list[list[tuple[str, str]]]) -> None:
    young, checked = "dog|cat|horse|rabbit|parrot|son|daughter|kids|children", 0
    for talk in talks:
        for _, answer in talk:
            if found := re.fullmatch(r"You haven't told me (?:what (\w+) does for work|where (\w+) lives)\.", answer):
                name = (found[1] or found[2]).lower()
                before = rf"\b({young})( is called| name is|'s name is|,)? {name}\b"
                kin = rf"{before}|\b{name}( is|,) my ({young})\b"
                assert not any(re.search(kin, message) for message in messages(talk)), talk
                checked += 1
    assert checked > 20


def test_who_somebody_is_agrees_with_what_the_user_said(talks: list[list[tuple[str, str]]]) -> None:
    checked = 0
    for talk in talks:
        for _, answer in talk:
            found = re.fullmatch(r"(\w+) is your (\w+)\.", answer)
            if found and found[2] not in ("son", "daughter"):
                told = [message for message in messages(talk) if found[1].lower() in message]
                assert any(word[:2] == found[2][:2] for word in told[0].split()), talk
                checked += 1
    assert checked > 40


def test_the_older_one_has_the_larger_age(talks: list[list[tuple[str, str]]]) -> None:
    checked = 0
    for talk in talks:
        for _, answer in talk:
            if found := re.match(r"(\w+)(?:, your \w+,)? is (?:the )?older", answer):
                ages = [int(age) for message in messages(talk) for age in re.findall(r"(?<!who )is (\d+)(?! [+-])", message)]
                own = [message for message in messages(talk) if re.search(rf"{found[1].lower()} is {max(ages)}", message)]
                other = [message for message in messages(talk) if re.search(rf"{found[1].lower()} is {min(ages)}", message)]
                assert own or not other
                checked += 1
    assert checked > 5
