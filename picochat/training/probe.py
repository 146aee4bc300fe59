"""How fast this machine trains a shape: a few real steps on random tokens."""

from __future__ import annotations

import time

import numpy as np
import torch

from picochat.model.config import ModelConfig
from picochat.model.device import resolve_device
from picochat.text.batches import Batch
from picochat.text.chat_format import Part
from picochat.training.compute import why_no_compiler
from picochat.training.config import TrainConfig
from picochat.training.learner import Learner

COSTS, LONGEST = 0.05, 20.0
"""Measuring may take this share of a run's time, and so many seconds at most."""

SHAPES = 3
"""How many are usually measured for a plan."""


def measure(config: TrainConfig, shape: ModelConfig, *, batch_size: int, seconds: float = 3.0) -> float:
    """Tokens a second of training steps, not compiled: those of the best step, as all else here only makes one slower.

    Steps begin with one sequence and double while there is time, so a slow machine is not kept for long.

    Args:
        config: device, precision, attention and optimizer are taken from it; "auto" measures the two again for each shape.
        batch_size: most sequences of a step.
        seconds: for all steps, about. The first one, which sets things up, and the one after it are always taken.

    Raises:
        TrainingError: not even one sequence fits in memory.
    """
    learner = Learner(config.changed(batch_size=batch_size, accumulation=1, compile="off"), shape)
    ids = np.random.default_rng(0).integers(shape.vocab_size, size=(batch_size, shape.context + 1), dtype=np.int64)
    batch = Batch(ids[:, :-1], ids[:, 1:], np.full((batch_size, shape.context), Part.TEXT, dtype=np.uint8))
    _step_seconds(learner, batch.rows(slice(0, 1)))
    rows, best, end = 1, 0.0, time.perf_counter() + seconds
    while not best or time.perf_counter() + rows / best < end:
        best = max(best, rows / _step_seconds(learner, batch.rows(slice(0, rows))))
        rows = min(2 * rows, batch_size)
    return best * shape.context


def seconds_each(run: float) -> float:
    """Seconds for one measurement, before a run of so many seconds."""
    return min(LONGEST, COSTS * run) / SHAPES


def will_compile(config: TrainConfig) -> bool:
    """Whether a run of `config.time` compiles its network, by what is known before it."""
    if config.compile == "auto":
        return (config.time or 0.0) > 360 and not why_no_compiler(resolve_device(config.device))
    return config.compile == "on" and not why_no_compiler(resolve_device(config.device))


def _step_seconds(learner: Learner, batch: Batch) -> float:
    start = time.perf_counter()
    # what is learnt from noise does not matter
    learner.step([batch], 1e-4)
    if learner.device.type == "cuda":
        torch.cuda.synchronize(learner.device)
    elif learner.device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter() - start
