"""Writing token shards: which documents are new, and the files that they go to."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from picochat.text.batches import Encoded
from picochat.text.encoding import Prints
from picochat.text.shards import KINDS, Shard, shard_file

SHARD_TOKENS = 1 << 26
"""A shard with so many is full."""


class Seen:
    """Fingerprints met so far, in sorted arrays of growing size: 8 bytes each."""

    def __init__(self) -> None:
        self._runs: list[Prints] = []

    def first_time(self, prints: Prints) -> npt.NDArray[np.bool_]:
        """Which of these have not been met before, neither earlier nor among these."""
        new = np.zeros(len(prints), dtype=bool)
        new[np.unique(prints, return_index=True)[1]] = True
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, prints), len(run) - 1)
            new &= run[places] != prints
        added = np.sort(prints[new])
        while self._runs and len(self._runs[-1]) <= 2 * len(added):
            added = np.sort(np.concatenate([self._runs.pop(), added]))
        if len(added):
            self._runs.append(added)
        return new


class SplitWriter:
    """Writes one split's shards, and hashes them on the way."""

    def __init__(self, folder: Path, split: str, dtype: np.dtype[np.unsignedinteger]) -> None:
        self._folder, self._split, self._dtype = folder, split, dtype.newbyteorder("<")
        self.shards: list[Shard] = []
        self.tokens = 0
        """Of all shards."""
        self._open: contextlib.ExitStack | None = None

    def add(self, encoded: Encoded, chosen: npt.NDArray[np.bool_]) -> None:
        """Write the chosen documents; a document is never divided between shards."""
        lengths = encoded.lengths[chosen]
        if not len(lengths):
            return
        tokens = np.repeat(chosen, encoded.lengths)
        if self._open is None:
            self._begin()
        starts = np.cumsum(lengths) - lengths + self._here
        self._put("ids", encoded.ids[tokens].astype(self._dtype).tobytes())
        self._put("parts", encoded.parts[tokens].tobytes())
        self._put("starts", starts.astype("<i8").tobytes())
        self._documents += len(lengths)
        self._here += int(lengths.sum())
        self.tokens += int(lengths.sum())
        if self._here >= SHARD_TOKENS:
            self.close()

    def close(self) -> None:
        """Bring the last shard to the disk."""
        if self._open is None:
            return
        for file in self._files.values():
            file.flush()
            os.fsync(file.fileno())
        self._open.close()
        self._open = None
        hashes = {kind: digest.hexdigest() for kind, digest in self._digests.items()}
        self.shards.append(Shard(documents=self._documents, tokens=self._here, sha256=hashes))

    def _begin(self) -> None:
        self._open = contextlib.ExitStack()
        self._files = {
            kind: self._open.enter_context(shard_file(self._folder, self._split, len(self.shards), kind).open("wb"))
            for kind in KINDS
        }
        self._digests = {kind: hashlib.sha256() for kind in KINDS}
        self._documents = self._here = 0

    def _put(self, kind: str, data: bytes) -> None:
        self._files[kind].write(data)
        self._digests[kind].update(data)
