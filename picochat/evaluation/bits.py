"""Bits per byte and perplexity of documents: the words themselves, without marks, role headers and ends of turns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from picochat.errors import CheckpointError, DataError
from picochat.evaluation.rows import Row, counted_part, document_rows
from picochat.evaluation.scorer import Scorer
from picochat.inference.engine import Engine
from picochat.text.batches import byte_lengths
from picochat.text.chat_format import Part
from picochat.text.corpus import Document, Text

Progress = Callable[[int, int], None]
"""Told how many are done, of how many."""

POOL = 512
"""Rows that are sorted by length before they are put side by side."""

Placed = tuple[int, Row]
"""A row with the index of its document."""


def unwatched(done: int, total: int) -> None:
    """Progress that nobody follows."""


@dataclass
class Tally:
    """What some text cost the model.

    Attributes:
        nats: minus the natural log of its probability.
        tokens: tokens of content.
        bytes: UTF-8 bytes of content.
    """

    nats: float = 0.0
    tokens: int = 0
    bytes: int = 0

    @property
    def bits_per_byte(self) -> float | None:
        """Bits for each byte; `None` of nothing."""
        return self.nats / math.log(2) / self.bytes if self.bytes else None

    @property
    def perplexity(self) -> float | None:
        """Choices that each token was worth; `None` of nothing, or when there is no number for it."""
        return math.exp(self.nats / self.tokens) if self.tokens and self.nats / self.tokens < 700 else None

    def to_dict(self) -> dict[str, Any]:
        """The figures, as JSON takes them."""
        return {
            "bits_per_byte": self.bits_per_byte,
            "perplexity": self.perplexity,
            "tokens": self.tokens,
            "bytes": self.bytes,
        }


@dataclass
class Score:
    """What documents cost: all of them, the assistant's messages alone (but those of weight 0), and by source."""

    documents: int = 0
    all: Tally = field(default_factory=Tally)
    assistant: Tally = field(default_factory=Tally)
    sources: dict[str, Tally] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The figures, as JSON takes them."""
        return {
            **self.all.to_dict(),
            "assistant_bits_per_byte": self.assistant.bits_per_byte,
            "documents": self.documents,
            "per_source": {name: tally.to_dict() for name, tally in self.sources.items()},
        }


def score_documents(engine: Engine, scorer: Scorer, documents: Sequence[Document], progress: Progress = unwatched) -> Score:
    """Let the model predict every token of the documents' content once.

    Args:
        engine: the model's tokenizer and window.
        scorer: the same model, for whole rows.
        documents: what to predict.
        progress: told how many bytes are done.

    Raises:
        DataError: there is nothing to predict in them.
        CheckpointError: the model computes no numbers.
    """
    score = Score(len(documents))
    for document in documents:
        tally = score.sources.setdefault(document.source, Tally())
        for part, text in _contents(document):
            for each in (tally, score.all, *([score.assistant] if part == Part.ASSISTANT else [])):
                each.bytes += len(text.encode("utf-8", errors="replace"))
    if not score.all.bytes:
        raise DataError("There is nothing to predict in this data: no text, and no message of a user or an assistant.")
    lengths, done = byte_lengths(engine.tokenizer), 0
    for pool in _pools(engine, documents):
        for batch in _batches(pool, scorer.batch_tokens):
            for (index, row), losses in zip(batch, scorer.losses([row for _, row in batch]), strict=True):
                counted = _count(score, documents[index].source, row, losses)
                done += int(lengths[counted].sum())
            progress(done, score.all.bytes)
        if not math.isfinite(score.all.nats):
            raise CheckpointError(f"{engine.info.path} is damaged: it computes no numbers; get or train it again.")
    return score


def _contents(document: Document) -> list[tuple[Part, str]]:
    """The texts that count."""
    if isinstance(document, Text):
        return [(Part.TEXT, document.content)]
    placed = [(counted_part(message), message.content) for message in document.messages]
    return [(part, content) for part, content in placed if part != Part.STRUCTURE]


def _count(score: Score, source: str, row: Row, losses: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Add what a row cost; returns the ids that counted."""
    ids: npt.NDArray[np.int64] = np.array(row.ids)
    parts = np.array(row.parts)
    counted: npt.NDArray[np.bool_] = parts != Part.STRUCTURE
    answer = parts[counted] == Part.ASSISTANT
    for tally in (score.all, score.sources[source]):
        tally.nats += float(losses.sum())
        tally.tokens += len(losses)
    score.assistant.nats += float(losses[answer].sum())
    score.assistant.tokens += int(answer.sum())
    return ids[counted]


def _pools(engine: Engine, documents: Sequence[Document]) -> Iterator[list[Placed]]:
    """All rows, some hundreds at a time."""
    pool: list[Placed] = []
    for index, document in enumerate(documents):
        for row in document_rows(engine, document):
            pool.append((index, row))
            if len(pool) >= POOL:
                yield pool
                pool = []
    if pool:
        yield pool


def _batches(pool: list[Placed], tokens: int) -> Iterator[list[Placed]]:
    """Rows of about the same length, at most `tokens` of them in a batch with their padding."""
    pool = sorted(pool, key=lambda placed: len(placed[1].ids), reverse=True)
    while pool:
        size = max(1, tokens // len(pool[0][1].ids))
        yield pool[:size]
        pool = pool[size:]
