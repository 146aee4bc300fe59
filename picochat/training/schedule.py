"""How far a run has come, and the learning rate there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Shape = Literal["cosine", "linear", "wsd"]


@dataclass(frozen=True)
class Schedule:
    """A run's end and its learning rate: a rise over the first `warmup`, then a fall to `floor`.

    Attributes:
        peak: the highest learning rate.
        floor: the last one, as a share of the peak.
        warmup: share of the run in which the rate rises.
        steps: the run ends after so many; or
        seconds: after so much training time.
        shape: "cosine" and "linear" fall from the warmup on; "wsd" (warmup, stable, decay; arXiv 2404.06395) stays at the
            peak and falls in a straight line over the last `decay` of the run.
    """

    peak: float
    floor: float
    warmup: float
    steps: int | None = None
    seconds: float | None = None
    shape: Shape = "cosine"
    decay: float = 0.5

    def progress(self, step: int, elapsed: float) -> float:
        """The share of the run that is over, from 0 to 1."""
        by_steps = step / self.steps if self.steps else 0.0
        by_time = elapsed / self.seconds if self.seconds else 0.0
        return min(1.0, max(by_steps, by_time))

    def rate(self, progress: float) -> float:
        """The learning rate at that point."""
        if progress < self.warmup:
            # never zero: the first step should count
            return self.peak * max(progress / self.warmup, 0.01)
        start = max(self.warmup, 1 - self.decay) if self.shape == "wsd" else self.warmup
        if progress <= start:
            return self.peak
        fall = (progress - start) / (1 - start)
        left = 0.5 * (1 + math.cos(math.pi * fall)) if self.shape == "cosine" else 1 - fall
        return self.peak * (self.floor + (1 - self.floor) * left)
