"""The key-value cache: what attention remembers of the tokens it has seen.

A pass of the model over T new tokens asks a cache where they stand (`places`), hands each layer's keys and values over
(`append`) and tells when all layers are done (`advance`).
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from picochat.errors import ContextOverflowError
from picochat.model.config import ModelConfig


class KVCache:
    """Static buffers for the keys and values of every layer, filled from the front; all sequences are equally long.

    Args:
        config: gives layers, key-value heads, head width and the context that bounds the cache.
        batch: number of sequences side by side.
    """

    def __init__(
        self, config: ModelConfig, batch: int = 1, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        shape = (config.layers, batch, config.kv_heads, config.context, config.head_dim)
        # zeros, not empty: the kernels may touch a masked slot, and 0 x NaN is NaN
        self.keys = torch.zeros(shape, device=device, dtype=dtype)
        self.values = torch.zeros(shape, device=device, dtype=dtype)
        self.capacity = config.context
        self.length = 0

    def check(self, new: int) -> None:
        """Raise `ContextOverflowError` unless `new` more tokens fit."""
        if self.length + new > self.capacity:
            raise ContextOverflowError(
                f"{self.length} cached tokens and {new} new ones exceed the context of {self.capacity}."
            )

    def places(self, new: int) -> slice:
        """The positions of the next `new` tokens."""
        return slice(self.length, self.length + new)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Store one layer's new keys and values, (B, H_kv, T, D) each, and return all of them up to the new end.

        The length moves on only with `advance`, once all layers have stored theirs.
        """
        end = self.length + keys.shape[2]
        self.keys[layer, :, :, self.length : end] = keys
        self.values[layer, :, :, self.length : end] = values
        return self.keys[layer, :, :, :end], self.values[layer, :, :, :end]

    def advance(self, new: int) -> None:
        """Count `new` tokens as stored."""
        self.check(new)
        self.length += new

    def truncate(self, length: int) -> None:
        """Forget everything from position `length` on."""
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot truncate a cache of {self.length} tokens to {length}")
        self.length = length

    def row(self, index: int) -> KVCache:
        """One of the sequences as an empty cache of its own, in the same memory."""
        row = copy.copy(self)
        row.keys, row.values = self.keys[:, index : index + 1], self.values[:, index : index + 1]
        row.length = 0
        return row

    def copy_from(self, other: KVCache) -> None:
        """Hold what `other`, of the same shape, holds."""
        self.keys[:, :, :, : other.length] = other.keys[:, :, :, : other.length]
        self.values[:, :, :, : other.length] = other.values[:, :, :, : other.length]
        self.length = other.length

    @property
    def bytes(self) -> int:
        """Memory of both buffers."""
        return 2 * self.keys.numel() * self.keys.element_size()


class RaggedCache:
    """Several rows of a cache for one pass, in which each goes on from a length of its own.

    Args:
        cache: the buffers.
        rows: which of its sequences take part.
        caches: those sequences, as `cache.row` gave them; their lengths are read, and moved on by `advance`.

    Attributes:
        length: that of the longest row.
    """

    def __init__(self, cache: KVCache, rows: Sequence[int], caches: Sequence[KVCache]) -> None:
        device = cache.keys.device
        self._cache = cache
        self._caches = caches
        self._places = torch.tensor([[each.length] for each in caches], device=device)  # (B, 1)
        self._rows = torch.tensor(rows, device=device)
        # neighbours are read where they lie; a slice copies nothing
        together = list(rows) == list(range(rows[0], rows[0] + len(rows)))
        self._read: slice | Tensor = slice(rows[0], rows[0] + len(rows)) if together else self._rows
        self.length = max(each.length for each in caches)

    def check(self, new: int) -> None:
        """Raise `ContextOverflowError` unless `new` more tokens fit into every row."""
        for each in self._caches:
            each.check(new)

    def places(self, new: int) -> Tensor:
        """The positions of the next `new` tokens, (B, T)."""
        return self._places if new == 1 else self._places + torch.arange(new, device=self._places.device)

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """As `KVCache.append`, up to the end of the longest row; a mask must hide what lies behind the shorter ones'."""
        new = keys.shape[2]
        rows, places, end = self._rows[:, None], self.places(new), self.length + new
        self._cache.keys[layer][rows, :, places] = keys.transpose(1, 2)
        self._cache.values[layer][rows, :, places] = values.transpose(1, 2)
        return self._cache.keys[layer, self._read, :, :end], self._cache.values[layer, self._read, :, :end]

    def advance(self, new: int) -> None:
        """Count `new` tokens as stored in every row."""
        for each in self._caches:
            each.advance(new)


class StepCache:
    """A cache of one sequence for passes of one token that are the same operations on the same memory wherever it stands.

    Such a pass can be recorded once and replayed. Where the token stands is a number in memory, and attention goes over the
    first `end` places; a mask must hide those still to come.

    Attributes:
        place: (1, 1) where the token stands, to be written before a pass. The cache's own length is not looked at.
        length: of the past, as far as shapes go.
    """

    def __init__(self, cache: KVCache, end: int) -> None:
        self.place = torch.zeros(1, 1, dtype=torch.long, device=cache.keys.device)
        self.length = end - 1
        self._cache = cache

    def check(self, new: int) -> None:
        """Nothing: who replays a pass knows whether it fits."""

    def places(self, new: int) -> Tensor:
        """The position of the next token, (1, 1)."""
        return self.place

    def append(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """As `KVCache.append`, up to `end`."""
        held = self._cache.keys[layer], self._cache.values[layer]
        for part, new in zip(held, (keys, values), strict=True):
            part.index_copy_(2, self.place[0], new)
        return held[0][:, :, : self.length + 1], held[1][:, :, : self.length + 1]

    def advance(self, new: int) -> None:
        """Nothing, as `check`."""
