"""Token streams, and the batches cut from them.

The batch of a step is a pure function of (seed, step, rank): there is no iterator state, so a resumed run sees exactly the
data that an unbroken one would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picochat.text.chat_format import ChatFormat, Rendered
from picochat.text.corpus import Conversation, Document
from picochat.text.tokenizer import Tokenizer

IGNORE = -100
"""Target value that the loss leaves out (cross-entropy's default)."""

Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenStream:
    """Documents as one row of ids.

    Attributes:
        ids: (N,) token ids, documents one after the other, each opened by its mark.
        parts: (N,) the `Part` of each id.
        starts: (D,) where each document begins, rising from 0.
    """

    ids: npt.NDArray[np.uint16 | np.uint32]
    parts: npt.NDArray[np.uint8]
    starts: Array

    @property
    def tokens(self) -> int:
        """Number of ids."""
        return len(self.ids)


def encode_documents(documents: Sequence[Document], tokenizer: Tokenizer) -> TokenStream:
    """Encode documents with the tokenizer and the chat format."""
    chat = ChatFormat(tokenizer)
    dtype = np.uint16 if tokenizer.vocab_size <= 65_536 else np.uint32
    ids: list[npt.NDArray[np.uint16 | np.uint32]] = []
    parts: list[npt.NDArray[np.uint8]] = []
    starts = np.zeros(len(documents), dtype=np.int64)
    position = 0
    for index, document in enumerate(documents):
        starts[index] = position
        rendered = _render(chat, document)
        ids.append(np.array(rendered.ids, dtype=dtype))
        parts.append(np.array(rendered.parts, dtype=np.uint8))
        position += len(rendered.ids)
    return TokenStream(np.concatenate(ids), np.concatenate(parts), starts)


def _render(chat: ChatFormat, document: Document) -> Rendered:
    if isinstance(document, Conversation):
        return chat.render(document.messages)
    return chat.document(document.content)


@dataclass(frozen=True)
class Batch:
    """Windows of a stream, (B, T) each: the inputs, the ids that follow them, and what those belong to."""

    inputs: Array
    targets: Array
    """Next ids; `IGNORE` past the stream's end."""
    parts: npt.NDArray[np.uint8]
    """The `Part` of each target."""


def training_batch(stream: TokenStream, *, batch: int, length: int, seed: int, step: int, rank: int = 0) -> Batch:
    """The `batch` windows of `length` tokens that this step learns from.

    Windows begin at random positions; one that falls inside a document no longer than a window moves back to that document's
    start, so that short conversations are seen from their first word. What follows a document fills the rest.
    """
    generator = np.random.Generator(np.random.Philox(key=[seed & (2**64 - 1), (step << 20) + rank]))
    starts = generator.integers(0, max(1, stream.tokens - 1), size=batch)
    document = np.searchsorted(stream.starts, starts, side="right") - 1
    ends = np.append(stream.starts[1:], stream.tokens)
    short = ends[document] - stream.starts[document] <= length + 1
    starts = np.where(short, stream.starts[document], np.minimum(starts, max(0, stream.tokens - length - 1)))
    return windows(stream, starts, length)


def validation_batches(stream: TokenStream, *, batch: int, length: int, most: int) -> Iterator[Batch]:
    """Windows side by side over the stream, at most `most` batches spread over all of it; every target counts once."""
    starts = np.arange(0, max(1, stream.tokens - 1), length, dtype=np.int64)
    if len(starts) > batch * most:
        starts = starts[np.linspace(0, len(starts) - 1, batch * most).astype(np.int64)]
    for first in range(0, len(starts), batch):
        yield windows(stream, starts[first : first + batch], length)


def windows(stream: TokenStream, starts: Array, length: int) -> Batch:
    """The window of `length` tokens from each start on; what reaches past the stream's end is padding and no target."""
    positions = starts[:, None] + np.arange(length + 1)
    inside = positions < stream.tokens
    positions = np.minimum(positions, stream.tokens - 1)
    ids = stream.ids[positions].astype(np.int64)
    targets = np.where(inside[:, 1:], ids[:, 1:], IGNORE)
    return Batch(ids[:, :-1], targets, stream.parts[positions[:, 1:]])


def byte_lengths(tokenizer: Tokenizer) -> Array:
    """(vocab_size,) bytes of text behind each token; 0 for the markers, which bits per byte leaves out."""
    return np.array([len(tokenizer.token_bytes(token)) for token in range(tokenizer.vocab_size)], dtype=np.int64)
