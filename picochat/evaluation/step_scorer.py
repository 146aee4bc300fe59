"""The scorer of any back end: token by token, as the model writes.

Slower than reading rows side by side; but kernels of 8- and 4-bit weights round in other ways when they read many tokens at
once, and what is wanted is the loss of the answers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from picochat.evaluation.rows import Row
from picochat.inference.backend import Backend
from picochat.inference.sampling import log_normaliser
from picochat.text.chat_format import Part


class StepScorer:
    """A back end's own cache is used: it is empty afterwards."""

    batch_tokens = 1

    def __init__(self, backend: Backend) -> None:
        self.backend = backend

    def losses(self, rows: Sequence[Row]) -> list[npt.NDArray[np.float64]]:
        """See `Scorer.losses`."""
        return [np.array(self._row(row)) for row in rows]

    def _row(self, row: Row) -> list[float]:
        losses = []
        self.backend.truncate(0)
        for token, target, part in zip(row.ids, row.ids[1:], row.parts[1:], strict=False):
            logits = self.backend.step(token)
            if part != Part.STRUCTURE:
                losses.append(log_normaliser(logits) - float(logits[target]))
        self.backend.truncate(0)
        return losses
