"""What an answer must be like: checks by name, each a plain question about one text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, Field, field_validator

from picochat.schema import Schema

ENDS = 150
"""Tokens in which an answer ends its turn, where nothing else is asked for."""

LONGEST_LOOP = 12
"""Words of the longest phrase that is looked for, said over and over."""

ECHO_WORDS = 3
"""A shorter prompt may come back: "hi" is a good answer to "hi"."""

_SENTENCE_END = re.compile(r"[.!?\u2026]+")
_OPENING = "\"'\u201c\u2018\u00ab"
_CLOSING = ".!?\u2026\"'\u201d\u2019\u00bb"
_ROLE = re.compile(r"^\W*(?:user|assistant|system)\s*:|<\|", re.IGNORECASE | re.MULTILINE)
# fmt: off
_BELOW_20 = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
# fmt: on


class Checks(Schema):
    """The checks of one answer; the first four hold for every answer that does not switch them off with `false`."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    ends: int = Field(ENDS, ge=0, le=1_000_000, description="It ends its turn within so many tokens.")
    no_loop: bool = Field(True, description="It doesn't say the same thing over and over.")
    not_echo: bool = Field(True, description="It isn't the prompt back.")
    whole_sentences: bool = Field(True, description="It begins like a sentence and ends like one.")
    contains: tuple[str, ...] = Field((), description="It has at least one of these words or phrases.")
    excludes: tuple[str, ...] = Field((), description="It has none of these words or phrases.")
    matches: str | None = Field(None, description="A regular expression that is found in it.")
    min_words: int | None = Field(None, ge=1, description="It has at least so many words.")
    max_words: int | None = Field(None, ge=1, description="It has at most so many words.")
    number: int | None = Field(None, ge=1, le=99, description="It has this number, in digits or in words.")
    new: bool = Field(False, description="It isn't what was answered before in the conversation.")
    no_roles: bool = Field(False, description='It has no line that speaks for a role, such as "User:".')
    recalls: str | None = Field(None, min_length=1, description="It has this name, which the user said in an earlier turn.")

    @field_validator("ends", mode="before")
    @classmethod
    def _switch(cls, value: Any) -> Any:
        return (ENDS if value else 0) if isinstance(value, bool) else value

    @field_validator("contains", "excludes", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        # YAML reads a bare yes or no as a truth value
        words = value if isinstance(value, (list, tuple)) else (value,)
        if any(isinstance(word, bool) or not str(word).strip() for word in words):
            raise ValueError("words in quotes")
        return tuple(words)

    @field_validator("matches")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"a regular expression ({error})") from None
        return value

    def over(self, others: Checks) -> Checks:
        """These where they are given, else the others."""
        return type(self).parse({**others.model_dump(exclude_unset=True), **self.model_dump(exclude_unset=True)})

    @property
    def active(self) -> dict[str, Any]:
        """The checks to make, by name, with what each asks for."""
        return {name: wish for name, wish in self if wish not in (None, False, 0, ())}


@dataclass(frozen=True)
class Given:
    """An answer to check.

    Attributes:
        prompt: what the user said.
        text: what came back.
        ended: whether the turn was ended, and not cut off.
        tokens: how many it took, the end of the turn included.
        earlier: the answers before it in the same conversation.
    """

    prompt: str
    text: str
    ended: bool
    tokens: int
    earlier: tuple[str, ...] = ()


def failed_checks(checks: Checks, given: Given) -> list[str]:
    """Names of the checks that the answer fails."""
    return [name for name, wish in checks.active.items() if not _CHECKS[name](given, wish)]


def has_loop(text: str) -> bool:
    """Whether a word comes four times in a row, a phrase three times in a row, or a sentence three times at all."""
    sentences = Counter(" ".join(words_of(sentence)) for sentence in _SENTENCE_END.split(text))
    del sentences[""]
    if any(count >= 3 for count in sentences.values()):
        return True
    words = words_of(text)
    for length in range(1, LONGEST_LOOP + 1):
        # words that are the same as `length` words earlier: a phrase said k times makes (k - 1) x length in a row
        enough = (3 if length == 1 else 2) * length
        run = 0
        for before, word in zip(words, words[length:], strict=False):
            run = run + 1 if word == before else 0
            if run >= enough:
                return True
    return False


def is_echo(prompt: str, text: str) -> bool:
    """Whether an answer is the prompt, or begins with all of it."""
    said, words = words_of(prompt), words_of(text)
    return len(said) >= ECHO_WORDS and words[: len(said)] == said


def is_whole(text: str) -> bool:
    """Whether a text begins with a capital letter, a digit or a quote, and ends with an end mark or a quote."""
    text = text.strip()
    return bool(text) and (text[0].isupper() or text[0].isdigit() or text[0] in _OPENING) and text[-1] in _CLOSING


def has_number(text: str, number: int) -> bool:
    """Whether a number below a hundred stands in a text, in digits or in words: two is neither in 22 nor in twenty-two."""
    tens, unit = divmod(number, 10)
    word = _BELOW_20[number] if number < 20 else _TENS[tens - 2] + f"[- ]{_BELOW_20[unit]}" * bool(unit)
    return bool(re.search(rf"(?<!\w){number}(?!\w)|(?<![\w-]){word}(?![\w-])", text, re.IGNORECASE))


def has_phrase(text: str, phrase: str) -> bool:
    """Whether words stand in a text, whole and in this order, in capitals or not."""
    pattern = r"\s+".join(map(re.escape, phrase.split()))
    return bool(re.search(rf"(?<!\w){pattern}(?!\w)", text, re.IGNORECASE))


def words_of(text: str) -> list[str]:
    """A text's words in small letters, without marks."""
    return re.findall(r"\w+(?:['\u2019]\w+)*", text.lower())


_CHECKS: dict[str, Callable[[Given, Any], bool]] = {
    "ends": lambda given, most: given.ended and given.tokens <= most,
    "no_loop": lambda given, _: not has_loop(given.text),
    "not_echo": lambda given, _: not is_echo(given.prompt, given.text),
    "whole_sentences": lambda given, _: is_whole(given.text),
    "contains": lambda given, phrases: any(has_phrase(given.text, phrase) for phrase in phrases),
    "excludes": lambda given, phrases: not any(has_phrase(given.text, phrase) for phrase in phrases),
    "matches": lambda given, pattern: bool(re.search(pattern, given.text)),
    "min_words": lambda given, least: len(given.text.split()) >= least,
    "max_words": lambda given, most: len(given.text.split()) <= most,
    "number": lambda given, number: has_number(given.text, number),
    "new": lambda given, _: words_of(given.text) not in map(words_of, given.earlier),
    "no_roles": lambda given, _: not _ROLE.search(given.text),
    "recalls": lambda given, name: has_phrase(given.text, name),
}
