"""The machine as a plan sees it: how fast it trains a shape, and how much memory that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from picochat.model.config import ModelConfig
from picochat.training.config import TrainConfig

COMPILED, COMPILING = 1.5, 60.0
"""How much faster a compiled network trains (11M parameters on two cores: 6,860 tokens/s, and 4,440 without), and the
seconds that compiling takes."""

AT_ONCE = {"cpu": 4096, "mps": 8192, "cuda": 65_536}
"""Tokens in a batch, if memory allows; a step adds up several."""


class Measure(Protocol):
    """Who measures the speed of a shape on this machine."""

    def __call__(self, shape: ModelConfig, *, batch_size: int) -> float:
        """Tokens a second, of real training steps with so many sequences; nothing is compiled."""


@dataclass(frozen=True)
class Machine:
    """What trains.

    Attributes:
        measure: tells its speed; `None` where nobody wants to know.
        device: kind of device, "cpu", "cuda" or "mps".
        memory: bytes that the device has; `None` sets no bound.
        compiled: the network will be compiled for the run.
    """

    measure: Measure | None = None
    device: str = "cpu"
    memory: int | None = None
    compiled: bool = False

    @property
    def preparation(self) -> float:
        """Seconds until training is at full speed."""
        return COMPILING if self.compiled else 0.0

    def speed(self, shape: ModelConfig, batch_size: int) -> float | None:
        """Tokens a second of a run, as far as it can be told before one."""
        if self.measure is None:
            return None
        return self.measure(shape, batch_size=batch_size) * (COMPILED if self.compiled else 1.0)

    def rows(self, shape: ModelConfig, config: TrainConfig) -> int:
        """Sequences to take at once: as many as are good for the speed, and no more than memory holds with some to spare."""
        rows = max(1, AT_ONCE.get(self.device, 8192) // shape.context)
        while rows > 1 and not self.holds(shape, config, rows, share=0.6):
            rows //= 2
        return rows

    def holds(self, shape: ModelConfig, config: TrainConfig, rows: int = 1, share: float = 0.8) -> bool:
        """Whether training fits into that share of the memory."""
        return self.memory is None or memory_need(shape, config, rows, self.device).total <= share * self.memory


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes that training takes, about."""

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """All together."""
        return self.weights + self.gradients + self.optimizer + self.activations


def memory_need(shape: ModelConfig, config: TrainConfig, rows: int, device: str = "cpu") -> MemoryNeed:
    """What training takes with so many sequences at once, as counted from `GPT`.

    Muon keeps one state for each weight of the blocks, AdamW two for every weight. For its backward pass a block keeps about
    6 values of the width for the stream and its norms, 9 for attention (queries and keys before and after rotation), 4 of
    the feed-forward part's own width, and on a CPU attention's weights. The loss makes its logits in chunks.
    """
    table = shape.parameter_table()
    matrices = table["attention"] + table["feed-forward"] if config.optimizer == "muon" else 0
    # under autocast products are 16-bit, norms and the stream 32-bit
    mixed = config.precision in ("bf16", "fp16") or (config.precision == "auto" and device == "cuda")
    scores = shape.heads * shape.context if device == "cpu" else 0
    values = 6 * shape.dim + 9 * shape.heads * shape.head_dim + 4 * shape.ff_dim + scores
    block = values * (3 if mixed else 4)
    kept = 4 * shape.dim * shape.layers + block if config.checkpointing else block * shape.layers
    size = 4 * shape.parameters
    return MemoryNeed(size, size, 2 * size - 4 * matrices, rows * shape.context * kept)
