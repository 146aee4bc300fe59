"""How much of a text stands word for word in another: a model that only repeats what it read shows here.

Words are what stands between spaces, marks included. N-grams never reach over the end of a message or a document. A training
text is kept as one 64-bit number a word, so 50 MB of it take about 80 MB.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from picochat.text.corpus import Document, Text

NGRAM = 8
"""Words in a row that count as copied."""

Hashes = npt.NDArray[np.uint64]

_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
_ROUND = 2**64
_INVERSE = pow(_BASE, -1, _ROUND)
_CHUNK = 1 << 20
_END = 0x5851F42D4C957F2D
_SLOTS = 1 << 22


@dataclass(frozen=True)
class Copying:
    """What of some texts stands in the training text.

    Attributes:
        texts: how many texts.
        ngrams: runs of `NGRAM` words in them.
        copied: those of them that are in the training text.
        longest: the longest run of words that is there.
    """

    texts: int
    ngrams: int
    copied: int
    longest: str

    @property
    def share(self) -> float | None:
        """Copied n-grams as a share; `None` when no text is long enough for one."""
        return self.copied / self.ngrams if self.ngrams else None

    def to_dict(self) -> dict[str, Any]:
        """The figures, as JSON takes them."""
        return {
            "copied_share": self.share,
            "copied": self.copied,
            "ngrams": self.ngrams,
            "texts": self.texts,
            "longest_words": len(self.longest.split()),
            "longest": self.longest,
        }


class Words:
    """Texts as one row of words, of which any n in a row have a hash."""

    def __init__(self, texts: Iterable[str]) -> None:
        codes = array("q")
        for text in texts:
            codes.extend(map(hash, text.split()))
            codes.append(_END)
        # sums of word x base^position, wrapping: a difference of two of them is a polynomial hash of the words between
        self._sums: Hashes = np.frombuffer(codes, dtype=np.uint64) if codes else np.zeros(0, dtype=np.uint64)
        self.whole = self._sums != _END
        """False at the end of each text."""
        powers = _powers(_BASE, min(_CHUNK, len(codes)))
        for first in range(0, len(codes), _CHUNK):
            piece = self._sums[first : first + _CHUNK]
            piece *= powers[: len(piece)] * np.uint64(pow(_BASE, first, _ROUND))
        np.cumsum(self._sums, out=self._sums)

    def __len__(self) -> int:
        return len(self._sums)

    def hashes(self, n: int) -> Iterator[Hashes]:
        """Hashes of the n words from each place on, in pieces."""
        count = len(self) - n + 1
        powers = _powers(_INVERSE, min(_CHUNK, max(0, count)))
        for first in range(0, count, _CHUNK):
            last = min(first + _CHUNK, count)
            before = self._sums[max(0, first - 1) : last - 1]
            if first == 0:
                before = np.concatenate([np.zeros(1, dtype=np.uint64), before])
            sums = self._sums[first + n - 1 : last + n - 1] - before
            yield sums * powers[: last - first] * np.uint64(pow(_INVERSE, first, _ROUND))


def measure_copying(texts: list[str], training: Words) -> Copying:
    """Look for the texts' n-grams in the training text."""
    words = Words(texts)
    found, possible = _find(words, training, NGRAM)
    # runs of copied n-grams bound the longest copy; within the bound it is halved towards, as a copy's parts are copies
    least, most = (NGRAM, NGRAM + _longest_run(found) - 1) if found.any() else (0, NGRAM - 1)
    place = int(found.argmax())
    while least < most:
        middle = (least + most + 1) // 2
        hits, _ = _find(words, training, middle)
        if hits.any():
            least, place = middle, int(hits.argmax())
        else:
            most = middle - 1
    spoken = [word for text in texts for word in (*text.split(), "")]
    return Copying(len(texts), int(possible.sum()), int(found.sum()), " ".join(spoken[place : place + least]))


def texts_to_compare(documents: Iterable[Document], *, answers_only: bool = False) -> Iterator[str]:
    """The texts of documents: messages one by one, all or the assistant's alone."""
    for document in documents:
        if isinstance(document, Text):
            yield document.content
        else:
            yield from (m.content for m in document.messages if m.role == "assistant" or not answers_only)


def _find(words: Words, training: Words, n: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Of each run of n words: whether it is in the training text, and whether it lies within one text."""
    hashes = np.concatenate([np.zeros(0, dtype=np.uint64), *words.hashes(n)])
    ends = np.concatenate([[0], np.cumsum(~words.whole)])
    possible = ends[n:] == ends[: len(hashes)] if len(hashes) else np.zeros(0, dtype=bool)
    wanted = np.unique(hashes[possible])
    if not len(wanted):
        return np.zeros(1, dtype=bool), possible
    # nearly all of the training text is sorted out by a few bits of the hash
    slots = np.zeros(_SLOTS, dtype=bool)
    slots[wanted % _SLOTS] = True
    seen = np.zeros(len(wanted), dtype=bool)
    for piece in training.hashes(n):
        near = piece[slots[piece % _SLOTS]]
        index = np.minimum(np.searchsorted(wanted, near), len(wanted) - 1)
        seen[index[wanted[index] == near]] = True
    return possible & np.isin(hashes, wanted[seen]), possible


def _longest_run(flags: npt.NDArray[np.bool_]) -> int:
    """The most `True` in a row."""
    breaks = np.flatnonzero(~np.concatenate([[False], flags, [False]]))
    return int(np.diff(breaks).max()) - 1


def _powers(base: int, count: int) -> Hashes:
    """base^0, base^1 and so on, wrapping."""
    powers = np.full(max(1, count), base, dtype=np.uint64)
    powers[0] = 1
    return np.cumprod(powers)
