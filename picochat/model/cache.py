"""The key-value cache: what attention remembers of the tokens it has seen."""

from __future__ import annotations

import torch
from torch import Tensor

from picochat.errors import ContextOverflowError
from picochat.model.config import ModelConfig


class KVCache:
    """Static buffers for the keys and values of every layer, filled from the front.

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

    @property
    def bytes(self) -> int:
        """Memory of both buffers."""
        return 2 * self.keys.numel() * self.keys.element_size()
