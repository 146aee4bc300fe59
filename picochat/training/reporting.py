"""Who a run talks to: the one who shows it, and the one who lets the model write. The caller brings both."""

from __future__ import annotations

from typing import Any, Protocol

from picochat.model.gpt import GPT
from picochat.text.tokenizer import Tokenizer


class Reporter(Protocol):
    """Who is told how the run goes."""

    def note(self, text: str) -> None:
        """A sentence about the run."""

    def progress(self, record: dict[str, Any]) -> None:
        """One step is done; `record` has the fields of metrics.jsonl, and `progress` from 0 to 1."""


class Silent:
    """A reporter that says nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def progress(self, record: dict[str, Any]) -> None:
        """Say nothing."""


class SampleWriter(Protocol):
    """Who lets the model write; generating text is no part of training, so the caller brings one."""

    def __call__(self, model: GPT, tokenizer: Tokenizer, *, chats: bool, prompt: str | None, tokens: int, seed: int) -> str:
        """A text by the model as it is now; weights, mode and torch's random state must be the same after it.

        Args:
            chats: the model learns from conversations.
            prompt: what to write on from; `None` leaves it to the writer.
            tokens: the longest text.
        """
