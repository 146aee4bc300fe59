"""What computes logits, behind one protocol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from picochat.model.config import ModelConfig

PREFILL_CHUNK = 256
"""Tokens read at once: small enough that a long prompt can be stopped."""


@dataclass(frozen=True)
class ModelInfo:
    """Facts of a loaded model, for people.

    Attributes:
        runtime: the library that computes.
        measured: tokens a second of the ways to run this model here, by their names, where they were compared.
    """

    path: Path
    architecture: str
    parameters: int
    vocab_size: int
    context: int
    device: str
    precision: str
    training: dict[str, Any] = field(default_factory=dict)
    runtime: str = "PyTorch"
    measured: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, config: ModelConfig, path: Path, **facts: Any) -> ModelInfo:
        """The facts of a network of that shape, and others by name."""
        return cls(path, config.architecture, config.parameters, config.vocab_size, config.context, **facts)

    @property
    def chats(self) -> bool:
        """Whether the model learnt from conversations; others can only go on with a text."""
        return bool(self.training.get("kind", "chat") == "chat")

    def summary(self) -> str:
        """Name, step and size in one line."""
        step = f" step {self.training['step']:,}," if "step" in self.training else ""
        return f"{self.path.name}:{step} {self.parameters / 1e6:.1f}M parameters, context {self.context:,}"


class Backend(Protocol):
    """A model with a cache of the tokens it has read."""

    info: ModelInfo

    @property
    def length(self) -> int:
        """Tokens in the cache."""

    @property
    def cache_bytes(self) -> int:
        """Memory that a full cache takes."""

    def prefill(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """Read at least one token after those in the cache; returns the (vocab_size,) logits of what follows.

        Raises:
            ContextOverflowError: the cache would exceed the model's context.
        """

    def step(self, token: int) -> npt.NDArray[np.float32]:
        """`prefill` of one token, as fast as can be."""

    def read(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """`prefill` that returns (len(ids), vocab_size) logits, a row of what follows each token."""

    def truncate(self, length: int) -> None:
        """Forget all tokens from position `length` on."""

    def twin(self) -> Backend:
        """The same weights with another cache, an empty one."""

    def lanes(self, count: int) -> Lanes:
        """Room for `count` more sequences, beside the one in the cache and apart from it; raises `DeviceError`."""


class Lanes(Protocol):
    """Sequences side by side, each with a cache of its own; one pass over the weights moves them all on.

    Lanes have numbers from 0 to `count` - 1, and start empty.
    """

    count: int

    def length(self, lane: int) -> int:
        """Tokens in the cache of this lane."""

    def prefill(self, lane: int, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """`Backend.prefill` for one lane, while the others rest."""

    def step(self, tokens: Mapping[int, int]) -> npt.NDArray[np.float32]:
        """Read one token in each lane named, by lane; the others rest.

        Returns:
            (len(tokens), vocab_size) logits of what follows, rows in the mapping's order.

        Raises:
            ContextOverflowError: one of the lanes is full; none has read its token.
        """

    def truncate(self, lane: int, length: int) -> None:
        """Forget a lane's tokens from position `length` on."""

    def fork(self, source: int, target: int) -> None:
        """Make `target` a copy of `source`, so that a prompt is read once."""
