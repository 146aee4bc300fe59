"""What the history holds, as its readers see it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from picochat.chat.settings import Mode

TITLE_LENGTH = 60


@dataclass(frozen=True)
class StoredMessage:
    """One message, with what is known of how it came to be.

    Attributes:
        stop: why an answer ended.
        seed: what an answer was drawn with, and `settings` the rest of it.
        model: path of the model that answered.
        model_digest: hash of that file, as the path may hold another model later.
        tokens: how many were generated, in so many `seconds`, of which the first one took `first_token_seconds`.
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
    first_token_seconds: float | None = None


@dataclass(frozen=True)
class StoredConversation:
    """A conversation with its messages in order; a branch knows its parent and the position where it left it.

    A single prompt with its answer is a conversation too, of the `mode` "single".
    """

    id: int
    title: str
    system: str | None
    created: float
    updated: float
    parent: int | None
    parent_position: int | None
    messages: tuple[StoredMessage, ...]
    mode: Mode = "conversation"


@dataclass(frozen=True)
class Summary:
    """A conversation in a list; `messages` is their number, and a branch knows its parent."""

    id: int
    title: str
    created: float
    updated: float
    messages: int
    parent: int | None = None
    mode: Mode = "conversation"

    @property
    def origin(self) -> str:
        """What a list adds to the title, in brackets: that it is a branch, or a single prompt; empty for most."""
        parts = ["single prompt"] if self.mode == "single" else []
        if self.parent is not None:
            parts.append(f"branch of {self.parent}")
        return f" ({', '.join(parts)})" if parts else ""


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


@dataclass(frozen=True)
class Found:
    """A conversation that a search found.

    Attributes:
        snippet: the text around the newest hit in its messages, on one line; empty for one found by its name.
        marks: start and end of what was searched for, in the snippet.
    """

    summary: Summary
    snippet: str = ""
    marks: tuple[tuple[int, int], ...] = ()


def summary_of(row: tuple[Any, ...]) -> Summary:
    """A summary from the columns of `database.SUMMARY`, which come first in `row`."""
    return Summary(row[0], title_of(row[1], row[2]), *row[3:8])


def title_of(given: str, first: str | None) -> str:
    """The title given, or else the first line of the first user message."""
    if given:
        return given
    line = next((" ".join(line.split()) for line in (first or "").splitlines() if line.strip()), "")
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"
