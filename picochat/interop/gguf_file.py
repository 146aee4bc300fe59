"""The container of a GGUF file: metadata and the table of tensors, read by memory map.

Layout, little-endian (the specification is docs/gguf.md of ggml-org/ggml): magic, version, the two counts, the metadata,
the tensors' names, shapes, types and places, then their data, aligned. Every length is held against what is left of the file
before anything is made from it, so that a damaged or hostile file costs an error and neither memory nor time.
"""

from __future__ import annotations

import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picochat.errors import CheckpointError

Value = bool | int | float | str | list[str] | npt.NDArray[Any]

_SCALARS: dict[int, np.dtype[Any]] = {
    index: np.dtype(code)
    for index, code in {
        0: "<u1", 1: "<i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4", 6: "<f4", 7: "?", 10: "<u8", 11: "<i8", 12: "<f8",
    }.items()
}  # fmt: skip
_STRING, _ARRAY = 8, 9
_MOST_STRINGS = 1 << 22
_MOST_AXES = 4
_SMALLEST_PAIR = 8 + 4 + 1
"""Bytes of a metadata entry without a name and with the shortest value."""
_SMALLEST_TENSOR = 8 + 4 + 4 + 8


@dataclass(frozen=True)
class BlockType:
    """How a tensor type stores its numbers: blocks of `values` numbers, `size` bytes each."""

    name: str
    values: int
    size: int


# the ids of ggml.h; what is not here can't be read
BLOCK_TYPES: dict[int, BlockType] = {
    0: BlockType("F32", 1, 4),
    1: BlockType("F16", 1, 2),
    2: BlockType("Q4_0", 32, 18),
    3: BlockType("Q4_1", 32, 20),
    6: BlockType("Q5_0", 32, 22),
    7: BlockType("Q5_1", 32, 24),
    8: BlockType("Q8_0", 32, 34),
    12: BlockType("Q4_K", 256, 144),
    13: BlockType("Q5_K", 256, 176),
    14: BlockType("Q6_K", 256, 210),
    30: BlockType("BF16", 1, 2),
}


@dataclass(frozen=True)
class TensorEntry:
    """Where a tensor lies.

    Attributes:
        shape: rows first, as in PyTorch; the file itself counts the axes from the inside.
        kind: the id of its type; a key of `BLOCK_TYPES` where it can be read.
        start: its first byte's place in the file.
    """

    name: str
    shape: tuple[int, ...]
    kind: int
    start: int

    @property
    def size(self) -> int:
        """Bytes in the file."""
        block = BLOCK_TYPES[self.kind]
        return math.prod(self.shape) // block.values * block.size


class GgufFile:
    """An open file.

    Attributes:
        metadata: by key; arrays of numbers as NumPy arrays, arrays of strings as lists.
        tensors: by name.

    Raises:
        CheckpointError: missing, no GGUF file, cut short, damaged, or of a version or tensor type that can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = _map(path)
        self._place = 0
        self.metadata: dict[str, Value] = {}
        self.tensors: dict[str, TensorEntry] = {}
        self._read_header()

    def bytes_of(self, entry: TensorEntry) -> npt.NDArray[np.uint8]:
        """A tensor's bytes as they lie in the file, (rows, bytes a row); nothing is copied."""
        block = BLOCK_TYPES[entry.kind]
        width = entry.shape[-1] // block.values * block.size
        return self._data[entry.start : entry.start + entry.size].reshape(-1, width)

    def damaged(self, what: str) -> CheckpointError:
        """The error for a file that can't be what it says."""
        return CheckpointError(f"{self.path} is damaged: {what}; get the file again.")

    def unsupported(self, what: str) -> CheckpointError:
        """The error for a model that picochat has no network for."""
        return CheckpointError(f"{self.path} can't be read: {what}.")

    # -- the header -----------------------------------------------------------------------------------------------------

    def _read_header(self) -> None:
        if self._take(4).tobytes() != b"GGUF":
            raise CheckpointError(f"{self.path} is not a GGUF file; it should begin with the letters GGUF.")
        version = self._integer("I")
        if version & 0xFFFF == 0:
            raise self.unsupported("it was written for big-endian machines; get the little-endian file")
        if version not in (2, 3):
            raise self.unsupported(f"it has GGUF version {version}, and picochat reads 2 and 3")
        tensors = self._count(self._integer("Q"), _SMALLEST_TENSOR, "tensors")
        pairs = self._count(self._integer("Q"), _SMALLEST_PAIR, "metadata entries")
        for _ in range(pairs):
            key = self._string()
            if key in self.metadata:
                raise self.damaged(f"the key '{_shown(key)}' is there twice")
            self.metadata[key] = self._value(self._integer("I"))
        entries = [self._tensor() for _ in range(tensors)]
        self._place_tensors(entries)

    def _place_tensors(self, entries: list[tuple[str, tuple[int, ...], int, int]]) -> None:
        """Fill the table of tensors, whose places count from the end of the header."""
        alignment = self.metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment < 1 or alignment & (alignment - 1):
            raise self.damaged(f"an alignment of {_shown(str(alignment))} is no power of two")
        first = -(-self._place // alignment) * alignment
        room = len(self._data) - first
        for name, shape, kind, offset in entries:
            entry = TensorEntry(name, shape, kind, first + offset)
            if name in self.tensors:
                raise self.damaged(f"the tensor '{_shown(name)}' is there twice")
            if entry.start + entry.size > len(self._data):
                raise self.damaged(f"it ends before the tensor '{_shown(name)}' does")
            # tensors that share bytes could ask for any amount of memory
            room -= entry.size
            if room < 0:
                raise self.damaged("its tensors lie one upon another")
            self.tensors[name] = entry

    def _tensor(self) -> tuple[str, tuple[int, ...], int, int]:
        name = self._string()
        axes = self._integer("I")
        if not 1 <= axes <= _MOST_AXES:
            raise self.damaged(f"the tensor '{_shown(name)}' has {axes} axes")
        shape = tuple(self._integer("Q") for _ in range(axes))[::-1]
        kind, offset = self._integer("I"), self._integer("Q")
        if kind not in BLOCK_TYPES:
            names = ", ".join(block.name for block in BLOCK_TYPES.values())
            raise self.unsupported(
                f"the tensor '{_shown(name)}' has the type {_type_name(kind)}, and picochat reads {names}; get the model in "
                "one of these"
            )
        block = BLOCK_TYPES[kind]
        # one axis of 0 would let another be anything
        if not all(1 <= length <= len(self._data) * block.values for length in shape) or shape[-1] % block.values:
            raise self.damaged(f"the tensor '{_shown(name)}' can't have the shape {shape} as {block.name}")
        return name, shape, kind, offset

    # -- values ---------------------------------------------------------------------------------------------------------

    def _value(self, kind: int) -> Value:
        if kind in _SCALARS:
            scalar: Value = self._take(_SCALARS[kind].itemsize).view(_SCALARS[kind])[0].item()
            return scalar
        if kind == _STRING:
            return self._string()
        if kind != _ARRAY:
            raise self.damaged(f"there is no metadata type {kind}")
        inner, count = self._integer("I"), self._integer("Q")
        if inner in _SCALARS:
            width = _SCALARS[inner].itemsize
            return self._take(self._count(count, width, "numbers") * width).view(_SCALARS[inner])
        if inner != _STRING:
            raise self.damaged(f"there are no arrays of the metadata type {inner}")
        if count > _MOST_STRINGS:
            raise self.damaged(f"an array of {count} strings is too long")
        return [self._string() for _ in range(self._count(count, 8, "strings"))]

    def _string(self) -> str:
        raw = self._take(self._count(self._integer("Q"), 1, "characters")).tobytes()
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.damaged(f"{_shown(raw.decode('utf-8', errors='replace'))!r} is no UTF-8") from None

    def _integer(self, code: str) -> int:
        return int(struct.unpack(f"<{code}", self._take(struct.calcsize(code)).tobytes())[0])

    def _count(self, count: int, smallest: int, what: str) -> int:
        """A count that the rest of the file can hold, at `smallest` bytes each."""
        if count * smallest > len(self._data) - self._place:
            raise self.damaged(f"it says that {count} {what} follow, and is too short for them")
        return count

    def _take(self, size: int) -> npt.NDArray[np.uint8]:
        taken = self._data[self._place : self._place + size]
        if len(taken) < size:
            raise self.damaged("it ends within its header")
        self._place += size
        return taken


def _map(path: Path) -> npt.NDArray[np.uint8]:
    try:
        if path.stat().st_size == 0:
            raise CheckpointError(f"{path} is empty; get the file again.")
        # a plain array on the mapping: every slice of a memmap costs a Python call
        return np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
    except FileNotFoundError:
        raise CheckpointError(f"There is no GGUF file at {path}; give another path.") from None
    except OSError as error:
        raise CheckpointError(f"{path} can't be read ({os.strerror(error.errno or 0)}).") from None


def _type_name(kind: int) -> str:
    """A tensor type's name, as far as the gguf package knows it."""
    try:
        from gguf.constants import GGMLQuantizationType

        return str(GGMLQuantizationType(kind).name)
    except (ImportError, ValueError):
        return f"number {kind}"


def _shown(text: str) -> str:
    """A name out of a file, short and printable."""
    return "".join(character if character.isprintable() else "?" for character in text[:60])
