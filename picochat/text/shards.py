"""Token shards: encoded documents in files that are mapped into memory instead of read.

    manifest.json           what the shards hold, how they were made, and the hash of every file
    tokenizer.json          what they were encoded with
    train-00000.ids.bin     token ids, uint16 or uint32, little-endian
    train-00000.parts.bin   the `Part` of each, uint8
    train-00000.starts.bin  where each document begins in this shard, int64
    held_out-00000...       the same of the documents held out for validation

The manifest is what makes a folder one of shards: it is written last, and the folder takes its name only when it is whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from picochat.errors import CheckpointError, DataError
from picochat.files import file_digest
from picochat.text.batches import Array, TokenStream
from picochat.text.tokenizer import Tokenizer

MANIFEST = "manifest.json"
TOKENIZER = "tokenizer.json"
FORMAT = "picochat-shards/1"
TRAIN, HELD_OUT = "train", "held_out"
KINDS = ("ids", "parts", "starts")
_STARTS: np.dtype[Any] = np.dtype("<i8")
_TYPES: dict[str, np.dtype[Any]] = {"uint16": np.dtype("<u2"), "uint32": np.dtype("<u4")}


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shard(_Record):
    """One shard's size, and the sha256 of each of its files."""

    documents: int = Field(ge=1)
    tokens: int = Field(ge=1)
    sha256: dict[str, str]


class Source(_Record):
    """What was read: a file with its sha256, or a data set with its revision."""

    name: str
    bytes: int = Field(ge=0)
    sha256: str


class Counts(_Record):
    """What was found in the sources."""

    documents: int = 0
    """Different ones; all the others are `duplicates`."""
    conversations: int = 0
    duplicates: int = 0
    characters: int = 0


class Manifest(_Record):
    """What a folder of shards says of itself."""

    format: str
    key: str
    """Hash of the sources, the tokenizer and the settings: equal keys mean equal shards."""
    made_by: str
    ids: str
    tokenizer: str
    """The tokenizer's digest."""
    tokenizer_kind: str
    vocab_size: int = Field(ge=1)
    settings: dict[str, Any]
    sources: list[Source]
    counts: Counts
    splits: dict[str, list[Shard]]

    def tokens(self, split: str) -> int:
        """Of all shards of a split."""
        return sum(shard.tokens for shard in self.splits[split])

    def documents(self, split: str) -> int:
        """Of all shards of a split."""
        return sum(shard.documents for shard in self.splits[split])

    def digest(self, split: str) -> str:
        """A hash over the documents of a split: of the hashes of its files."""
        return hashlib.sha256(json.dumps([shard.sha256 for shard in self.splits[split]]).encode()).hexdigest()


class Shards:
    """A folder of shards that has been opened.

    Attributes:
        folder: where it is.
        manifest: what it holds.
        tokenizer: what the documents were encoded with.
        train, held_out: the documents, as streams over the mapped files.
    """

    def __init__(self, folder: Path, manifest: Manifest, tokenizer: Tokenizer) -> None:
        self.folder, self.manifest, self.tokenizer = folder, manifest, tokenizer

    @cached_property
    def train(self) -> TokenStream:
        """The documents to learn from."""
        return self._stream(TRAIN)

    @cached_property
    def held_out(self) -> TokenStream:
        """The documents held out for validation."""
        return self._stream(HELD_OUT)

    @property
    def is_chat(self) -> bool:
        """Whether at least half of the documents are conversations."""
        return 2 * self.manifest.counts.conversations >= self.manifest.counts.documents

    def check(self) -> None:
        """Compare every file with its hash in the manifest, which reads all of them; raises `DataError`."""
        for split, shards in self.manifest.splits.items():
            for number, shard in enumerate(shards):
                for kind in KINDS:
                    path = shard_file(self.folder, split, number, kind)
                    if _digest(path) != shard.sha256.get(kind):
                        raise DataError(f"{path} is damaged (its hash is not that in {MANIFEST}); {_AGAIN}")

    def _stream(self, split: str) -> TokenStream:
        files: dict[str, list[Any]] = {kind: [] for kind in KINDS}
        begin = 0
        for number, shard in enumerate(self.manifest.splits[split]):
            for kind, mapped in zip(KINDS, (self._map(split, number, kind) for kind in KINDS), strict=True):
                files[kind].append(mapped)
            starts = np.array(files["starts"][-1])
            if starts[0] != 0 or starts[-1] >= shard.tokens or (np.diff(starts) <= 0).any():
                raise DataError(f"{shard_file(self.folder, split, number, 'starts')} is damaged; {_AGAIN}")
            files["starts"][-1] = starts + begin
            begin += shard.tokens
        return TokenStream(MappedRow(files["ids"]), MappedRow(files["parts"]), np.concatenate(files["starts"]))

    def _map(self, split: str, number: int, kind: str) -> Any:
        path = shard_file(self.folder, split, number, kind)
        try:
            return np.memmap(path, dtype=self._type(kind), mode="r")
        except (OSError, ValueError) as error:
            raise DataError(f"{path} can't be opened ({error}); {_AGAIN}") from None

    def _type(self, kind: str) -> np.dtype[Any]:
        if kind == "ids":
            return _TYPES[self.manifest.ids]
        return np.dtype(np.uint8) if kind == "parts" else _STARTS

    def _check_sizes(self) -> None:
        for split, shards in self.manifest.splits.items():
            for number, shard in enumerate(shards):
                for kind in KINDS:
                    path = shard_file(self.folder, split, number, kind)
                    count = shard.documents if kind == "starts" else shard.tokens
                    expected = count * self._type(kind).itemsize
                    if not path.is_file():
                        raise DataError(f"{path} is missing; {_AGAIN}")
                    if path.stat().st_size != expected:
                        raise DataError(f"{path} has {path.stat().st_size:,} bytes instead of {expected:,}; {_AGAIN}")


_AGAIN = "run `picochat prepare` again, into another folder or with --force."


class MappedRow:
    """Several mapped files, read as one array of one dimension."""

    def __init__(self, files: Sequence[npt.NDArray[np.unsignedinteger]]) -> None:
        self._files = files
        sizes = [len(file) for file in files]
        self._begins = np.cumsum([0, *sizes[:-1]])
        self._size = sum(sizes)

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """Of the items."""
        return self._files[0].dtype

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, places: Array | slice) -> npt.NDArray[np.unsignedinteger]:
        """The items at these places, an array of their shape in memory; places are not negative."""
        if isinstance(places, slice):
            places = np.arange(*places.indices(self._size))
        places = np.asarray(places)
        which = np.searchsorted(self._begins, places, side="right") - 1
        found = np.empty(places.shape, dtype=self.dtype)
        for number in np.flatnonzero(np.bincount(which.ravel())).tolist():
            here = which == number
            found[here] = self._files[number][places[here] - self._begins[number]]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """All of it in memory."""
        return np.concatenate(self._files).astype(dtype or self.dtype, copy=False)


def is_shards(folder: Path) -> bool:
    """Whether `folder` is one of shards, whole or damaged."""
    try:
        return bool(json.loads((folder / MANIFEST).read_bytes())["format"].startswith(FORMAT.partition("/")[0]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return False


def open_shards(folder: Path, *, tokenizer: Tokenizer | None = None, check: bool = False) -> Shards:
    """Open a folder that `picochat prepare` has made; looks at the files' sizes, which is quick.

    Args:
        tokenizer: what the shards must have been encoded with.
        check: compare the files' hashes too, as a resumed run does.

    Raises:
        DataError: no shards, damaged ones, or those of another tokenizer; the message names the file.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise DataError(f"{folder} holds no {MANIFEST}; make the shards with `picochat prepare --out {folder}`.")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error
        raise DataError(f"{path} is damaged or not one of picochat's ({detail}); {_AGAIN}") from None
    if manifest.format != FORMAT or manifest.ids not in _TYPES or set(manifest.splits) != {TRAIN, HELD_OUT}:
        raise DataError(f"{path} is of a kind that this picochat does not know ({manifest.format!r}); {_AGAIN}")
    shards = Shards(folder, manifest, _read_tokenizer(folder, manifest))
    if tokenizer is not None and tokenizer.digest() != manifest.tokenizer:
        raise DataError(
            f"The shards in {folder} were made with another tokenizer ({manifest.tokenizer_kind} of "
            f"{manifest.vocab_size:,}); take {folder / TOKENIZER}, or prepare the text again with yours."
        )
    if not all(manifest.splits.values()):
        raise DataError(f"{path} lists no shards; {_AGAIN}")
    shards._check_sizes()
    if check:
        shards.check()
    return shards


def shard_file(folder: Path, split: str, number: int, kind: str) -> Path:
    """Where a part of a shard is; names follow from the numbers, so that a manifest can't point elsewhere."""
    return folder / f"{split}-{number:05d}.{kind}.bin"


def _read_tokenizer(folder: Path, manifest: Manifest) -> Tokenizer:
    path = folder / TOKENIZER
    try:
        tokenizer = Tokenizer.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, CheckpointError) as error:
        raise DataError(f"{path} can't be read ({error}); {_AGAIN}") from None
    if tokenizer.digest() != manifest.tokenizer:
        raise DataError(f"{path} is not the tokenizer that the shards were made with; {_AGAIN}")
    return tokenizer


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror or error}).") from None
