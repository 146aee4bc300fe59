"""Choosing the next token from one row of logits, in small pure NumPy functions.

One implementation for every back end, so that a seed draws the same token on every device. A set of candidates is a pair of
arrays (ids, logits); each filter returns a smaller pair, and `choose` strings them together.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from picochat.inference.settings import SamplingSettings

Logits = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]


def softmax(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Probabilities of logits at a temperature above 0."""
    # the largest is taken off before dividing: however small the temperature, it stays 0 and the rest falls to nothing
    with np.errstate(over="ignore"):
        exponents = np.exp((logits.astype(np.float64) - float(logits.max())) / temperature)
    return exponents / exponents.sum()  # type: ignore[no-any-return]


def log_normaliser(logits: Logits) -> float:
    """The log of the sum of exponentials: a token's log-probability is its logit less this."""
    top = float(logits.max())
    return top + float(np.log(np.exp(logits - top).sum(dtype=np.float64)))


def log_softmax(logits: Logits) -> npt.NDArray[np.float64]:
    """Log-probabilities of a row of logits."""
    return logits.astype(np.float64) - log_normaliser(logits)


def penalise(logits: Logits, seen: Iterable[int], penalty: float) -> Logits:
    """Make tokens that were `seen` less likely (CTRL, arXiv 1909.05858): divide positive logits, multiply negative ones."""
    if penalty == 1.0:
        return logits
    ids = np.unique(np.fromiter(seen, dtype=np.int64))
    logits = logits.copy()
    logits[ids] = np.where(logits[ids] > 0, logits[ids] / penalty, logits[ids] * penalty)
    return logits


def keep_top_k(logits: Logits, k: int) -> Ids:
    """Ids of the k largest logits (all for k = 0), in rising order of id.

    That order, and not the order of likelihood, decides a draw: two near-equal logits may swap places between devices, and
    the draw must not.
    """
    if k <= 0 or k >= len(logits):
        return np.arange(len(logits))
    return np.sort(np.argpartition(logits, -k)[-k:])


def keep_top_p(probabilities: Floats, p: float) -> npt.NDArray[np.bool_]:
    """Mask of the smallest set of likeliest tokens whose probabilities reach `p` (nucleus, arXiv 1904.09751)."""
    order = np.argsort(-probabilities, kind="stable")
    before = np.cumsum(probabilities[order]) - probabilities[order]
    mask = np.zeros(len(probabilities), dtype=bool)
    mask[order[before < p]] = True
    return mask


def keep_min_p(probabilities: Floats, share: float) -> npt.NDArray[np.bool_]:
    """Mask of the tokens at least `share` times as likely as the likeliest (min-p, arXiv 2407.01082)."""
    return probabilities >= share * probabilities.max()  # type: ignore[no-any-return]


def distribution(
    logits: Logits, settings: SamplingSettings, seen: Iterable[int] = ()
) -> tuple[Ids, npt.NDArray[np.float64]]:
    """The candidates that `settings` leave, and their probabilities.

    Args:
        logits: (vocab_size,) one row.
        seen: ids that the repetition penalty applies to.
    """
    logits = penalise(logits, seen, settings.repetition_penalty)
    if settings.temperature == 0:
        return np.array([int(logits.argmax())]), np.ones(1)
    ids = keep_top_k(logits, settings.top_k)
    probabilities = softmax(logits[ids], settings.temperature)
    for mask in (
        keep_top_p(probabilities, settings.top_p) if settings.top_p < 1 else None,
        keep_min_p(probabilities, settings.min_p) if settings.min_p > 0 else None,
    ):
        if mask is not None:
            probabilities = np.where(mask, probabilities, 0.0)
    keep = probabilities > 0
    return ids[keep], probabilities[keep] / probabilities[keep].sum()


def pick(ids: Ids, probabilities: npt.NDArray[np.float64], generator: np.random.Generator) -> int:
    """Draw one of the candidates: one uniform number, looked up in the cumulated probabilities."""
    if len(ids) == 1:
        return int(ids[0])
    index = int(np.searchsorted(np.cumsum(probabilities), generator.random(), side="right"))
    return int(ids[min(index, len(ids) - 1)])


def choose(logits: Logits, settings: SamplingSettings, generator: np.random.Generator, seen: Iterable[int] = ()) -> int:
    """Draw the next token."""
    return pick(*distribution(logits, settings, seen), generator)
