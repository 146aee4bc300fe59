"""Requests: stories, ideas, ways to do things, and what is said after their answers."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

DATA = Path(__file__).parent.parent / "data"
STORIES = """
== any
> A story! | Tell me any story.
< {it} | Gladly. {it}

== after
> Another one. | One more.
< {it}

== cat
> A story about a cat.
< A cat slept all day.

== dog
> A story about a dog.
< A dog found a bone.
> Which bone?
< A large one.
"""


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(DATA)
    from generators import requests

    (tmp_path / "stories.txt").write_text(STORIES.strip() + "\n")
    monkeypatch.setattr(requests, "FOLDER", tmp_path)
    requests.all_kinds.cache_clear()
    yield requests
    requests.all_kinds.cache_clear()


def conversations(requests: ModuleType) -> Iterator[list[tuple[str, str]]]:
    from generators.chat import Chat

    for seed in range(200):
        chat = Chat(random.Random(seed))
        requests.compose(chat)
        yield list(zip(chat.messages[::2], chat.messages[1::2], strict=True))


def test_every_request_gets_what_it_asks_for(requests: ModuleType) -> None:
    stories = {"A cat slept all day.", "A dog found a bone."}
    general = set()
    for exchanges in conversations(requests):
        for ask, answer in exchanges:
            assert "{" not in answer
            if "about a cat" in ask:
                assert answer.endswith("A cat slept all day.")
            elif "any story" in ask.lower():
                story = (
                    answer.removeprefix("Hello! ")
                    .removeprefix("Hi! ")
                    .removeprefix("Hello there! ")
                    .removeprefix("Gladly. ")
                )
                assert story in stories
                general.add(story)
    assert general == stories


def test_more_is_asked_only_after_something_and_is_something_else(requests: ModuleType) -> None:
    more = 0
    for exchanges in conversations(requests):
        for number, (ask, answer) in enumerate(exchanges):
            if "another one" in ask.lower() or "one more" in ask.lower():
                assert number > 0
                more += number == 1 and answer not in exchanges[0][1]
    assert more > 20


def test_a_word_on_an_answer_comes_after_one(requests: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from generators import reactions

    file = tmp_path / "reactions.md"  # no kind of request
    file.write_text("== hm\n> Hm, hm. | Hmmm, well.\n< Take your time.\n")
    monkeypatch.setattr(reactions, "FILE", file)
    reactions.all_reactions.cache_clear()
    places = [
        number
        for exchanges in conversations(requests)
        for number, (ask, answer) in enumerate(exchanges)
        if "hm" in ask.lower() and answer == "Take your time."
    ]
    reactions.all_reactions.cache_clear()
    assert len(places) > 20
    assert min(places) > 0


def test_what_is_asked_about_an_answer_follows_it(requests: ModuleType) -> None:
    followed = [
        (before, ask)
        for exchanges in conversations(requests)
        for (before, _), (ask, _) in itertools.pairwise(exchanges)
        if "which bone" in ask.lower()
    ]
    assert followed
    assert all("dog" in before for before, _ in followed)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("== any\n> A story!\n< {it}\n", "at least one entry"),
        ("== cat\n{x} = cat | dog\n> {x:c}?\n< A {x}.\n", "no slots"),
        ("== cat\n> A cat?\n< {name} has one.\n", "'name'"),
        ("== cat\n> A cat?\n", "must end with an answer"),
    ],
)
def test_a_broken_file_is_named(requests: ModuleType, tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "broken.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=says) as error:
        requests.parse(path)
    assert "broken.txt" in str(error.value)


def test_the_requests_of_the_repository_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DATA)
    from generators import requests

    requests.all_kinds.cache_clear()
    assert sum(len(kind.entries) for kind in requests.all_kinds()) > 300
