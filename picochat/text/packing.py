"""Rows of whole documents: every row begins at a document's start and is filled with others that fit.

As nanochat's loader does, but over a whole epoch at once instead of a buffer: documents are packed by the counts of their
lengths (best fit, longest first), which takes the same time for a thousand documents as for millions. A document longer
than a row is cut off at the row's end. What is left of a row is padding, at its end.

For chats, a row is learnt only where the assistant speaks; a conversation longer than a row ends after the last answer that
is complete in it, and a document without an answer is left out. So every row has a target.

The rows of a step are a pure function of (seed, step, rank), as in `batches`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from picochat.errors import DataError
from picochat.text.batches import (
    IGNORE,
    Array,
    Batch,
    TokenStream,
    random_numbers,
    shuffled,
    strided_batch,
    training_batch,
    validation_batches,
)
from picochat.text.chat_format import Part

Mode = Literal["windows", "stride", "packed", "chat"]
MODES: tuple[Mode, ...] = ("windows", "stride", "packed", "chat")

_SCAN = 1 << 22
"""Parts that are looked at together."""


@dataclass(frozen=True)
class Layout:
    """Equal rows of a packing.

    Attributes:
        lengths: of the documents in such a row, longest first.
        count: how many rows there are.
    """

    lengths: tuple[int, ...]
    count: int


class Packing:
    """All rows of an epoch.

    Args:
        stream: the documents.
        length: targets in a row; a row holds `length + 1` tokens.
        seed: of the order.
        chat: learn the assistant's words only.

    Raises:
        DataError: nothing to learn from.
    """

    def __init__(self, stream: TokenStream, length: int, seed: int = 0, *, chat: bool = False) -> None:
        self.stream, self.length, self.seed, self.chat = stream, length, seed, chat
        documents = np.arange(len(stream.starts), dtype=np.int64)
        whole = stream.ends(documents) - stream.starts
        if chat:
            self.lengths = _answered(stream, whole, length + 1)
        else:
            self.lengths = np.minimum(whole, length + 1)
            # a token alone has nothing to be followed by
            self.lengths[whole < 2] = 0
        self.documents = np.flatnonzero(self.lengths)
        """Those that are learnt from."""
        if not len(self.documents):
            what = "conversation with an answer" if chat else "document of two tokens"
            raise DataError(
                f"The data holds no {what} that fits a row of {length} tokens; give others, or a longer context."
            )
        self.lengths = self.lengths[self.documents]
        self._starts = stream.starts[self.documents]
        self.tokens = int(self.lengths.sum())
        """Of all rows together, padding not counted."""
        self.dropped = stream.tokens - self.tokens
        """Tokens that an epoch does not show: what was cut off, and documents left out."""
        self._layouts = pack(self.lengths, length + 1)
        self.rows = sum(layout.count for layout in self._layouts)
        """Rows in an epoch."""
        self._epochs: dict[int, tuple[Array, Array]] = {}

    def batch(self, *, batch: int, step: int, rank: int = 0, ranks: int = 1) -> Batch:
        """The `batch` rows that this step learns from; an epoch takes each once, `ranks` processes sharing it."""
        epochs, places = np.divmod((step * ranks + rank) * batch + np.arange(batch, dtype=np.int64), self.rows)
        rows: list[Array] = []
        for epoch in range(int(epochs[0]), int(epochs[-1]) + 1):
            chosen = shuffled(places[epochs == epoch], self.rows, self.seed, epoch)
            rows += [self.row(int(row), epoch) for row in chosen]
        # longest first is how they were packed, and nothing to learn
        generator = random_numbers(self.seed, (step << 20) + rank)
        return self._render([generator.permutation(row) for row in rows])

    def batches(self, *, batch: int, most: int) -> Iterator[Batch]:
        """The rows of an epoch in order, for validation, at most `most` batches spread over all of it."""
        rows = np.arange(self.rows, dtype=np.int64)
        if self.rows > batch * most:
            rows = rows[np.linspace(0, self.rows - 1, batch * most).astype(np.int64)]
        for first in range(0, len(rows), batch):
            yield self._render([self.row(int(row), 0) for row in rows[first : first + batch]])

    def row(self, row: int, epoch: int) -> Array:
        """Which documents are in a row of that epoch, as places in `self.documents`."""
        if epoch not in self._epochs:
            # one before it may still be asked for by a batch on the border
            self._epochs = {known: plan for known, plan in self._epochs.items() if known == epoch - 1}
            self._epochs[epoch] = self._assign(epoch)
        offsets, members = self._epochs[epoch]
        return members[offsets[row] : offsets[row + 1]]

    def _assign(self, epoch: int) -> tuple[Array, Array]:
        """The rows of an epoch: `members[offsets[row] : offsets[row + 1]]` for each row."""
        generator = random_numbers(self.seed, (1 << 63) + epoch)
        order = generator.permutation(len(self.lengths))
        # by length, in random order within a length
        order = order[np.argsort(self.lengths[order], kind="stable")]
        different, firsts = np.unique(self.lengths[order], return_index=True)
        place = dict(zip(different.tolist(), firsts.tolist(), strict=True))
        members = np.empty(len(order), dtype=np.int64)
        sizes: list[Array] = []
        filled = 0
        for layout in self._layouts:
            columns = []
            for length in layout.lengths:
                columns.append(order[place[length] : place[length] + layout.count])
                place[length] += layout.count
            block = np.stack(columns, axis=1).ravel()
            members[filled : filled + len(block)] = block
            filled += len(block)
            sizes.append(np.full(layout.count, len(layout.lengths), dtype=np.int64))
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.concatenate(sizes))]), members

    def _render(self, rows: list[Array]) -> Batch:
        positions = np.zeros((len(rows), self.length + 1), dtype=np.int64)
        real = np.zeros(positions.shape, dtype=bool)
        for index, row in enumerate(rows):
            lengths = self.lengths[row]
            begins = np.cumsum(lengths) - lengths
            count = int(lengths.sum())
            positions[index, :count] = np.arange(count) + np.repeat(self._starts[row] - begins, lengths)
            real[index, :count] = True
        # padding is the first document's mark
        ids = self.stream.ids[positions].astype(np.int64)
        parts = self.stream.parts[positions[:, 1:]].astype(np.uint8)
        learnt = real[:, 1:] & (parts == Part.ASSISTANT) if self.chat else real[:, 1:]
        return Batch(ids[:, :-1], np.where(learnt, ids[:, 1:], IGNORE), parts)


def pack(lengths: Array, room: int) -> list[Layout]:
    """Best fit, longest first, by the counts of the lengths: a document goes where it leaves the least room.

    Args:
        lengths: (D,) of the documents, each from 1 to `room`.
        room: tokens in a row.
    """
    different, counts = np.unique(lengths, return_counts=True)
    by_space: dict[int, list[Layout]] = defaultdict(list)
    # bit n is set where there are rows with room for n tokens more: the lowest bit from `length` on is the best fit
    spaces = 0
    for length, left in zip(different[::-1].tolist(), counts[::-1].tolist(), strict=True):
        while left:
            fitting = spaces >> length
            space = length + (fitting & -fitting).bit_length() - 1 if fitting else room
            rows = by_space[space].pop() if fitting else Layout((), left)
            each = min(space // length, left)
            filled = min(rows.count, left // each)
            left -= filled * each
            by_space[space - each * length].append(Layout((*rows.lengths, *[length] * each), filled))
            if fitting and rows.count > filled:
                by_space[space].append(Layout(rows.lengths, rows.count - filled))
            spaces |= 1 << (space - each * length)
            spaces = spaces | 1 << space if by_space[space] else spaces & ~(1 << space)
    return [layout for layouts in by_space.values() for layout in layouts]


def _answered(stream: TokenStream, lengths: Array, room: int) -> Array:
    """How much of each conversation a row shows; 0 where no answer begins in it."""
    begins, ends = _answers(stream)
    if not len(begins):
        return np.zeros_like(lengths)
    starts = stream.starts
    first = np.searchsorted(begins, starts)
    has_answer = begins[np.minimum(first, len(begins) - 1)] < starts + np.minimum(lengths, room)
    has_answer &= first < len(begins)
    # of a long one, up to the end of the last answer that is complete; part of an answer where none is
    last = np.searchsorted(ends, starts + room, side="right") - 1
    complete = np.where(last >= first, ends[np.maximum(last, 0)] - starts, room)
    return np.where(has_answer, np.where(lengths <= room, lengths, complete), 0)


def _answers(stream: TokenStream) -> tuple[Array, Array]:
    """Where the assistant begins to speak, and where it has ended."""
    begins, ends = [], []
    before = False
    for first in range(0, stream.tokens, _SCAN):
        speaking = stream.parts[first : first + _SCAN] == Part.ASSISTANT
        changes = np.flatnonzero(np.diff(speaking, prepend=before)) + first
        begins.append(changes[::2] if not before else changes[1::2])
        ends.append(changes[1::2] if not before else changes[::2])
        before = bool(speaking[-1])
    if before:
        ends.append(np.array([stream.tokens]))
    none = np.zeros(0, dtype=np.int64)
    return np.concatenate([none, *begins]), np.concatenate([none, *ends])


def batch_maker(
    mode: Mode, stream: TokenStream, *, batch: int, length: int, seed: int, stride: int | None = None, ranks: int = 1
) -> Callable[[int, int], Batch]:
    """The function (step, rank) -> batch of one way to cut the stream; `stride` is `length` unless given.

    Raises:
        DataError: nothing to learn from in that way.
    """
    if mode == "windows":
        return lambda step, rank: training_batch(stream, batch=batch, length=length, seed=seed, step=step, rank=rank)
    if mode == "stride":
        step_size = stride or length
        return lambda step, rank: strided_batch(
            stream, batch=batch, length=length, stride=step_size, seed=seed, step=step, rank=rank, ranks=ranks
        )
    packing = Packing(stream, length, seed, chat=mode == "chat")
    return lambda step, rank: packing.batch(batch=batch, step=step, rank=rank, ranks=ranks)


def held_out_batches(mode: Mode, stream: TokenStream, *, batch: int, length: int, most: int) -> Iterator[Batch]:
    """Held-out documents cut as the training rows are, at most `most` batches spread over all of them."""
    if mode in ("packed", "chat"):
        return Packing(stream, length, chat=mode == "chat").batches(batch=batch, most=most)
    return validation_batches(stream, batch=batch, length=length, most=most)
