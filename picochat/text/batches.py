"""Token streams, and the batches cut from them.

The batch of a step is a pure function of (seed, step, rank): there is no iterator state, so a resumed run sees exactly the
data that an unbroken one would have seen. There are four ways to cut:

    windows   at random places (here)
    stride    side by side, every place once an epoch (here)
    packed    whole documents, as many as fit in a row (`packing`)
    chat      whole conversations, and only the assistant's words are learnt (`packing`)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from picochat.text.chat_format import ChatFormat, Part
from picochat.text.corpus import Conversation, Document
from picochat.text.tokenizer import Tokenizer

IGNORE = -100
"""Target value that the loss leaves out (cross-entropy's default)."""

Array = npt.NDArray[np.int64]


class Row(Protocol):
    """What a stream holds: an array of one dimension in memory, or one that lies in files."""

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """Of its items."""

    def __len__(self) -> int: ...

    def __getitem__(self, places: Array | slice, /) -> npt.NDArray[np.unsignedinteger]: ...


@dataclass(frozen=True)
class TokenStream:
    """Documents as one row of ids.

    Attributes:
        ids: (N,) token ids, documents one after the other, each opened by its mark.
        parts: (N,) the `Part` of each id.
        starts: (D,) where each document begins, rising from 0.
    """

    ids: Row
    parts: Row
    starts: Array

    @property
    def tokens(self) -> int:
        """Number of ids."""
        return len(self.ids)

    def ends(self, documents: Array) -> Array:
        """Where these documents end: the start of the next one, or the end of all."""
        following = documents + 1
        last = following >= len(self.starts)
        return np.where(last, self.tokens, self.starts[np.where(last, 0, following)])


@dataclass(frozen=True)
class Encoded:
    """Some documents' tokens, one after the other.

    Attributes:
        ids: (N,) token ids.
        parts: (N,) the `Part` of each id.
        lengths: (D,) how many ids each document has.
    """

    ids: npt.NDArray[np.unsignedinteger]
    parts: npt.NDArray[np.uint8]
    lengths: Array


def encode_documents(documents: Sequence[Document], tokenizer: Tokenizer) -> TokenStream:
    """Encode documents with the tokenizer and the chat format."""
    encoded = encode_together(documents, tokenizer)
    return TokenStream(encoded.ids, encoded.parts, np.cumsum(encoded.lengths) - encoded.lengths)


def encode_together(documents: Sequence[Document], tokenizer: Tokenizer) -> Encoded:
    """Encode documents, all texts in one call of the library; the ids are those of `ChatFormat`."""
    chat = ChatFormat(tokenizer)
    texts = iter(tokenizer.encode_batch([text for document in documents for text in _contents(document, chat)]))
    # (ids, their part) one after the other
    runs: list[tuple[list[int], Part]] = []
    lengths = np.zeros(len(documents), dtype=np.int64)
    for index, document in enumerate(documents):
        first = len(runs)
        if isinstance(document, Conversation):
            runs.append((chat.begin, Part.STRUCTURE))
            for message in chat.complete(document.messages):
                before, after = chat.frame(message.role)
                said = len(after) - after.parts.count(Part.STRUCTURE)
                runs.append((before.ids, Part.STRUCTURE))
                runs.append(([*next(texts), *after.ids[:said]], message.part))
                runs.append((after.ids[said:], Part.STRUCTURE))
        else:
            runs.append(([tokenizer.start_of_text], Part.STRUCTURE))
            runs.append((next(texts), Part.TEXT))
        lengths[index] = sum(len(ids) for ids, _ in runs[first:])
    sizes = np.array([len(ids) for ids, _ in runs], dtype=np.int64)
    tokens = itertools.chain.from_iterable(ids for ids, _ in runs)
    ids = np.fromiter(tokens, dtype=np.dtype(id_type(tokenizer.vocab_size)), count=int(sizes.sum()))
    return Encoded(ids, np.repeat(np.array([part for _, part in runs], dtype=np.uint8), sizes), lengths)


def id_type(vocab_size: int) -> type[np.uint16] | type[np.uint32]:
    """The smallest type that holds every id of a vocabulary."""
    return np.uint16 if vocab_size <= 65_536 else np.uint32


def _contents(document: Document, chat: ChatFormat) -> list[str]:
    if isinstance(document, Conversation):
        return [message.content for message in chat.complete(document.messages)]
    return [chat.tokenizer.opened(document.content)]


@dataclass(frozen=True)
class Batch:
    """Windows of a stream, (B, T) each: the inputs, the ids that follow them, and what those belong to."""

    inputs: Array
    targets: Array
    """Next ids; `IGNORE` past the stream's end."""
    parts: npt.NDArray[np.uint8]
    """The `Part` of each target."""

    def rows(self, rows: slice) -> Batch:
        """Some of the windows."""
        return Batch(self.inputs[rows], self.targets[rows], self.parts[rows])


def training_batch(stream: TokenStream, *, batch: int, length: int, seed: int, step: int, rank: int = 0) -> Batch:
    """The `batch` windows of `length` tokens that this step learns from.

    Windows begin at random positions; one that falls inside a document no longer than a window moves back to that document's
    start, so that short conversations are seen from their first word. What follows a document fills the rest.
    """
    generator = random_numbers(seed, (step << 20) + rank)
    starts = generator.integers(0, max(1, stream.tokens - 1), size=batch)
    document = np.searchsorted(stream.starts, starts, side="right") - 1
    short = stream.ends(document) - stream.starts[document] <= length + 1
    starts = np.where(short, stream.starts[document], np.minimum(starts, max(0, stream.tokens - length - 1)))
    return windows(stream, starts, length)


def strided_batch(
    stream: TokenStream, *, batch: int, length: int, stride: int, seed: int, step: int, rank: int = 0, ranks: int = 1
) -> Batch:
    """Windows that begin every `stride` tokens, in an order of its own for each epoch.

    An epoch takes each window once, `ranks` processes sharing it without overlap; `stride` equal to `length` learns every
    target once an epoch.
    """
    count = max(1, -(-(stream.tokens - 1) // stride))
    epochs, places = np.divmod((step * ranks + rank) * batch + np.arange(batch, dtype=np.int64), count)
    chosen = np.empty(batch, dtype=np.int64)
    for epoch in np.unique(epochs):
        chosen[epochs == epoch] = shuffled(places[epochs == epoch], count, seed, int(epoch))
    return windows(stream, chosen * stride, length)


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


def shuffled(places: Array, size: int, seed: int, epoch: int) -> Array:
    """Where these places of `range(size)` come to lie in the shuffle of that epoch, without laying out the whole of it.

    A Feistel network: it permutes the numbers below a power of four, and what falls outside `range(size)` goes through
    again until it is inside.
    """
    half = max(1, ((size - 1).bit_length() + 1) // 2)
    low = np.uint64((1 << half) - 1)
    keys = random_numbers(seed, epoch).integers(2**63, size=6, dtype=np.uint64)
    values = places.astype(np.uint64)
    outside = np.ones(values.shape, dtype=bool)
    while outside.any():
        left, right = values[outside] >> np.uint64(half), values[outside] & low
        for key in keys:
            mixed = (right + key) * np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
            left, right = right, left ^ ((mixed >> np.uint64(32)) & low)
        values[outside] = (left << np.uint64(half)) | right
        outside = values >= size
    return values.astype(np.int64)


def random_numbers(seed: int, number: int) -> np.random.Generator:
    """A generator that is a function of these two, each below 2^64."""
    # a plain list would be made floats, which can't tell large neighbours apart
    return np.random.Generator(np.random.Philox(key=np.array([seed & (2**64 - 1), number], dtype=np.uint64)))


def byte_lengths(tokenizer: Tokenizer) -> Array:
    """(vocab_size,) bytes of text behind each token; 0 for the markers, which bits per byte leaves out."""
    return np.array([len(tokenizer.token_bytes(token)) for token in range(tokenizer.vocab_size)], dtype=np.int64)
