"""What tells how likely a model finds whole rows of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from picochat.evaluation.rows import Row
from picochat.evaluation.step_scorer import StepScorer
from picochat.inference.backend import Backend


class Scorer(Protocol):
    """A model that reads rows side by side."""

    batch_tokens: int
    """Tokens to give it at once, padding included."""

    def losses(self, rows: Sequence[Row]) -> list[npt.NDArray[np.float64]]:
        """For each row, minus the natural log of the probability of each token that counts, in order."""


def scorer_of(backend: Backend) -> Scorer:
    """The scorer that shares a back end's weights."""
    if backend.info.runtime == "PyTorch":
        # torch takes a second to import: only when a model is really measured
        from picochat.evaluation.torch_scorer import TorchScorer
        from picochat.inference.torch_backend import TorchBackend

        if isinstance(backend, TorchBackend):
            return TorchScorer(backend.model)
    return StepScorer(backend)
