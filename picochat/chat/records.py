"""What the history holds, as its readers see it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

TITLE_LENGTH = 60


@dataclass(frozen=True)
class StoredMessage:
    """One message, with what is known of how it came to be.

    Attributes:
        stop: why an answer ended.
        seed: what an answer was drawn with, and `settings` the rest of it.
        model: path of the model that answered.
        model_digest: hash of that file, as the path may hold another model later.
        tokens: how many were generated, in so many `seconds`.
        created: seconds since the epoch.
    """

    role: str
    content: str
    stop: str | None = None
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    model: str | None = None
    model_digest: str | None = None
    tokens: int | None = None
    seconds: float | None = None
    created: float = field(default_factory=time.time)


@dataclass(frozen=True)
class StoredConversation:
    """A conversation with its messages in order; a branch knows its parent and the position where it left it."""

    id: int
    title: str
    system: str | None
    created: float
    updated: float
    parent: int | None
    parent_position: int | None
    messages: tuple[StoredMessage, ...]


@dataclass(frozen=True)
class Summary:
    """A conversation in a list; `messages` is their number."""

    id: int
    title: str
    created: float
    updated: float
    messages: int


@dataclass(frozen=True)
class Hit:
    """A message that a search found.

    Attributes:
        snippet: the text around the hit, on one line.
        marks: start and end of what was searched for, in the snippet.
    """

    conversation: int
    position: int
    title: str
    role: str
    snippet: str
    marks: tuple[tuple[int, int], ...]
    created: float


def title_of(given: str, first: str | None) -> str:
    """The title given, or else the first line of the first user message."""
    if given:
        return given
    line = next((" ".join(line.split()) for line in (first or "").splitlines() if line.strip()), "")
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
