"""Choosing the next token from one row of logits, in small pure NumPy functions.

One implementation for every back end, so that a seed draws the same token on every device. A set of candidates is a pair of
arrays (ids, logits); each filter returns a smaller pair, and `choose` strings them together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from picochat.inference.settings import SamplingSettings

Logits = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating[Any]]

_ROWS = 16
"""Of the table whose columns `_largest` compares; 16 was fastest or near it for 4,096 to 49,152 logits."""
_COLDEST = 1e-200
"""The temperature below which quotients would overflow; long before it, only the likeliest token is left."""


def weigh(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """How likely tokens are beside each other, at a temperature above 0; the likeliest weighs 1."""
    weights = logits.astype(np.float64)
    # the largest is taken off before dividing: however small the temperature, it stays 0 and the rest falls to nothing
    weights -= weights.max()
    weights /= max(temperature, _COLDEST)
    return np.exp(weights, out=weights)


def softmax(logits: Floats, temperature: float = 1.0) -> npt.NDArray[np.float64]:
    """Probabilities of logits at a temperature above 0."""
    weights = weigh(logits, temperature)
    weights /= weights.sum()
    return weights


def log_normaliser(logits: Logits) -> float:
    """The log of the sum of exponentials: a token's log-probability is its logit less this."""
    top = logits.max()
    exponents = logits - top
    return float(top) + math.log(np.exp(exponents, out=exponents).sum())


def log_softmax(logits: Logits) -> npt.NDArray[np.float64]:
    """Log-probabilities of a row of logits."""
    return logits.astype(np.float64) - log_normaliser(logits)


def guide(logits: Logits, unguided: Logits, scale: float) -> Logits:
    """Hold a text closer to its prompt: what the prompt changes about the next token is taken `scale` times.

    Classifier-free guidance, for text arXiv 2306.17806.

    Args:
        logits: (vocab_size,) after the prompt and the text so far.
        unguided: (vocab_size,) after a prompt that says nothing and the same text.
        scale: 1 is `logits`, 0 is `unguided`.
    """
    guided: Logits = unguided + np.float32(scale) * (logits - unguided)
    return guided


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
    ids = _largest(logits, k)
    ids.sort()
    return ids


def _largest(logits: Logits, k: int) -> Ids:
    """Ids of the k largest of more than k logits, in no order.

    With the logits in a table, at least k of them reach the k-th largest of its columns' maxima. Those few are found by
    comparing, and only they are sorted in parts: 9 us of 8,000 where sorting all in parts takes 71.
    """
    columns = len(logits) // _ROWS
    if columns <= k:
        return logits.argpartition(-k)[-k:]
    maxima = logits[: columns * _ROWS].reshape(_ROWS, columns).max(axis=0)
    maxima.partition(columns - k)
    ids = np.flatnonzero(logits >= maxima[columns - k])
    return ids[logits[ids].argpartition(-k)[-k:]]


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
    ids, weights = _candidates(logits, settings, seen)
    return ids, weights / weights.sum()


def pick(ids: Ids, weights: npt.NDArray[np.float64], generator: np.random.Generator) -> int:
    """Draw one of the candidates, as often as it weighs: one uniform number, looked up in the cumulated weights."""
    if len(ids) == 1:
        return int(ids[0])
    cumulated = weights.cumsum()
    index = int(cumulated.searchsorted(generator.random() * cumulated[-1], side="right"))
    return int(ids[min(index, len(ids) - 1)])


def choose(logits: Logits, settings: SamplingSettings, generator: np.random.Generator, seen: Iterable[int] = ()) -> int:
    """Draw the next token: `pick` from `distribution`, which need not add up to 1 for that."""
    return pick(*_candidates(logits, settings, seen), generator)


def _candidates(logits: Logits, settings: SamplingSettings, seen: Iterable[int]) -> tuple[Ids, npt.NDArray[np.float64]]:
    """The candidates that `settings` leave, and their weights."""
    logits = penalise(logits, seen, settings.repetition_penalty)
    if settings.temperature == 0:
        return np.array([int(logits.argmax())]), np.ones(1)
    ids = keep_top_k(logits, settings.top_k)
    weights = weigh(logits[ids], settings.temperature)
    if settings.top_p == 1 and settings.min_p == 0:
        return ids, weights
    keep = weights > 0
    if settings.top_p < 1:
        keep &= keep_top_p(weights / weights.sum(), settings.top_p)
    if settings.min_p > 0:
        keep &= keep_min_p(weights, settings.min_p)
    return ids[keep], weights[keep]
