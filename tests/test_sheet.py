"""The prompts that the shipped model is measured with: new to it, and not to be passed by luck."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from picochat.evaluation.checks import Given, failed_checks
from picochat.evaluation.sheet import Sheet, read_sheet
from picochat.text.corpus import Conversation, read_corpus

ROOT = Path(__file__).parent.parent
COMMON = {"", "why", "what else", "go on"}
"""What everybody says: marks alone, and the shortest follow-ups. As part of a conversation they are new."""


def bare(text: str) -> str:
    """Small letters and digits, without marks."""
    return " ".join(re.sub(r"[^\w\s]", "", text.lower()).split())


@pytest.fixture(scope="module")
def sheet() -> Sheet:
    return read_sheet(ROOT / "models" / "sheet.yaml")


@pytest.fixture(scope="module")
def taught() -> list[list[str]]:
    """What the user says in each conversation of the training text."""
    documents = read_corpus(ROOT / "data" / "conv.txt")
    talks = [document.messages for document in documents if isinstance(document, Conversation)]
    return [[bare(message.content) for message in talk if message.role == "user"] for talk in talks]


def test_it_has_enough_prompts_and_conversations_in_every_group(sheet: Sheet) -> None:
    assert sum(entry.prompt is not None for entry in sheet.entries) >= 110
    assert sum(2 <= len(entry.turns) <= 6 for entry in sheet.entries) >= 55
    assert all(len(entry.turns) != 1 and len(entry.turns) <= 6 for entry in sheet.entries)
    assert all(("turns" in entry.tags) == bool(entry.turns) for entry in sheet.entries)
    groups = Counter(entry.tags[0] for entry in sheet.entries)
    assert min(groups.values()) >= 5


def test_nothing_that_is_asked_stands_in_the_training_text(sheet: Sheet, taught: list[list[str]]) -> None:
    messages = {message for talk in taught for message in talk}
    asked = {bare(turn.prompt) for entry in sheet.entries for turn in entry.script(sheet.checks)}
    assert len(messages) > 10_000
    assert asked & messages <= COMMON


def test_no_conversation_goes_as_one_of_the_training_text(sheet: Sheet, taught: list[list[str]]) -> None:
    rows = {
        tuple(talk[start:end]) for talk in taught for start in range(len(talk)) for end in range(start + 2, len(talk) + 1)
    }
    scripts = [tuple(bare(turn.prompt) for turn in entry.turns) for entry in sheet.entries if entry.turns]
    assert not rows.intersection(scripts)
    assert len(set(scripts)) == len(scripts)


def test_every_answer_must_be_a_whole_sentence_of_some_length_and_no_other_speaker(sheet: Sheet) -> None:
    for entry in sheet.entries:
        for turn in entry.script(sheet.checks):
            assert {"ends", "no_loop", "not_echo", "whole_sentences", "no_roles", "max_words"} <= turn.checks.active.keys()


def test_a_question_does_not_give_its_answer_away(sheet: Sheet) -> None:
    wanted = {"contains", "matches", "number", "recalls"}
    for entry in sheet.entries:
        if {"facts", "sums", "recall"}.isdisjoint(entry.tags):
            continue
        for turn in entry.script(sheet.checks):
            if wanted & turn.checks.active.keys():
                failed = failed_checks(turn.checks, Given("", turn.prompt, ended=True, tokens=9))
                assert wanted & set(failed), turn.prompt


@pytest.mark.parametrize("answer", ["I see.", "That sounds nice! What happened then?", "Is there anything else you like?"])
def test_an_answer_that_always_fits_passes_little(sheet: Sheet, answer: str) -> None:
    scripts = [entry.script(sheet.checks) for entry in sheet.entries]
    passed = sum(
        all(not failed_checks(turn.checks, Given(turn.prompt, answer, ended=True, tokens=9)) for turn in script)
        for script in scripts
    )
    assert passed < 0.05 * len(scripts)
