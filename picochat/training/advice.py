"""Advice from the facts of a run: each function gives one sentence, or `None` where there is nothing to say.

Pure functions of numbers, so that the trainer, the command line and the screen can ask at any time. The bounds are rules of
thumb; what each rests on stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from picochat.metrics import number
from picochat.model.config import ModelConfig

Point = tuple[int, float]
"""A step and a loss."""

FEW_TOKENS = 2.0
"""Tokens seen, per parameter. About 10.5 makes the best use of a given compute (nanochat, dev/LOG 2026-01-27); our first
chat model, 11M parameters on two CPU cores, already wrote whole sentences after 2."""

FEW_PASSES = 2.0
"""Passes over the text. Up to 4 teach nearly as much as new text would ("Scaling Data-Constrained Language Models", arXiv
2305.16264), so fewer than 2 leave something in it."""

MANY_PASSES = 20.0
"""The same paper: beyond 4 passes each is worth less, and in the end nothing. Where that end is depends on the model; this
is our own bound."""

STEEP = 0.03
"""A loss that fell by this share in the last quarter of a run has not come to rest."""

WORSE = 0.02
"""A validation loss above its best by this share, while the training loss falls, is no noise of the evaluation. nanoGPT's
Shakespeare is best near step 1,750 of 5,000 (its issue 211)."""

STUCK_STEPS = 50
"""Steps after which a loss that is where it began will stay there."""

RARE = 50.0
"""Occurrences that an average token should have in the training text, to be learnt. Our own rule of thumb: a vocabulary of
4,096 compresses a narrow text as well as one of 32,000 (llama2.c's README)."""

LARGE_HEAD = 0.6
"""The head's share of a step's computing above which it crowds out the network: what 32,000 tokens take in a model of 8M."""

SMALL_VOCABULARY = 512
LONG_RUN = 300.0
"""Seconds after which compiling, which takes up to a minute or so, has paid for itself."""


@dataclass(frozen=True)
class Course:
    """How a run went.

    Attributes:
        train_tokens: tokens in one pass over the training text.
        tokens: tokens learnt from, in all passes.
        peak: the peak learning rate, and `usual` the default one.
        losses: training loss by step, ascending.
        evaluations: validation loss by step, ascending.
        tokenizer_chosen: whether the tokens could be others; those of a model that was begun with can't.
    """

    shape: ModelConfig
    train_tokens: int
    tokens: int
    peak: float
    usual: float
    losses: Sequence[Point]
    evaluations: Sequence[Point]
    tokenizer_chosen: bool = True


def curve(records: Iterable[dict[str, Any]], field: str) -> list[Point]:
    """One loss of the records of a metrics.jsonl: "loss" or "val_loss", by step; what is no finite number is left out."""
    points = ((int(record["step"]), number(record, field)) for record in records)
    return [(step, value) for step, value in points if value is not None and math.isfinite(value)]


def advise(course: Course) -> list[str]:
    """All that there is to say at the end of a run, most important first."""
    stuck = loss_stands_still(course.losses, course.peak, course.usual)
    if stuck:
        return [stuck]
    overfitted = overfits(course.losses, course.evaluations)
    found = [
        overfitted or train_longer(course.shape.parameters, course.train_tokens, course.tokens, course.evaluations),
        None if overfitted else many_passes(course.train_tokens, course.tokens),
        vocabulary_too_large(course.shape, course.train_tokens) if course.tokenizer_chosen else None,
    ]
    return [sentence for sentence in found if sentence]


def train_longer(parameters: int, train_tokens: int, tokens: int, evaluations: Sequence[Point]) -> str | None:
    """For a model that has seen little, and whose validation loss still falls steeply."""
    ratio, passes = tokens / max(1, parameters), tokens / max(1, train_tokens)
    if ratio >= FEW_TOKENS and passes >= FEW_PASSES:
        return None
    fall = _late_fall(evaluations)
    if fall is None or fall < STEEP:
        return None
    return (
        f"The model has seen {ratio:.2g} tokens per parameter in {passes:.2g} passes over the text, and its validation loss "
        "still falls: train longer (--resume with --steps or --time); a smaller --size learns more in the same time."
    )


def overfits(losses: Sequence[Point], evaluations: Sequence[Point]) -> str | None:
    """For a validation loss that rises, at two evaluations or more, while the training loss goes on falling."""
    if not evaluations:
        return None
    best_step, best = min(evaluations, key=lambda point: point[1])
    after = [loss for step, loss in evaluations if step > best_step]
    if len(after) < 2 or min(after[-2:]) <= best * (1 + WORSE):
        return None
    window = max(1, len(losses) // 10)
    then = [loss for step, loss in losses if step <= best_step][-window:]
    now = [loss for step, loss in losses if step > best_step][-window:]
    if not then or not now or fmean(now) >= fmean(then):
        return None
    return (
        f"Validation loss has risen since step {best_step:,} ({best:.3f} to {after[-1]:.3f}) while training loss fell: the "
        "model learns the text by heart; more text helps most, then --dropout 0.1, a smaller --size, or --patience 5 to "
        "stop in time."
    )


def many_passes(train_tokens: int, tokens: int) -> str | None:
    """For a text that was read too often to learn much more from it."""
    passes = tokens / max(1, train_tokens)
    if passes <= MANY_PASSES:
        return None
    return (
        f"The text of {train_tokens:,} tokens was read {passes:.0f} times: beyond about 4 each pass teaches less, and in "
        "the end nothing; more text helps, more steps don't."
    )


def loss_stands_still(losses: Sequence[Point], peak: float, usual: float) -> str | None:
    """For a training loss that ends where it began.

    Args:
        peak: the run's peak learning rate.
        usual: the default one for its optimizer and width.
    """
    if len(losses) < STUCK_STEPS:
        return None
    window = len(losses) // 10
    first, last = (fmean(loss for _, loss in part) for part in (losses[:window], losses[-window:]))
    if last < first * (1 - WORSE):
        return None
    other = usual if not usual / 3 <= peak <= usual * 3 else peak / 3
    return (
        f"The loss has not fallen in {len(losses):,} steps ({first:.3f} at first, {last:.3f} at last) with a peak learning "
        f"rate of {peak:.2g}: try --lr {other:.2g}."
    )


def vocabulary_too_large(shape: ModelConfig, train_tokens: int) -> str | None:
    """For tokens that are too rare to be learnt, or a head that takes most of the computing."""
    if shape.vocab_size <= SMALL_VOCABULARY:
        return None
    table = shape.parameter_table()
    head = shape.vocab_size * shape.dim
    share = head / (head + table["attention"] + table["feed-forward"])
    if train_tokens < RARE * shape.vocab_size:
        problem = f"each occurs {train_tokens / shape.vocab_size:.0f} times on average in {train_tokens:,} tokens of text"
    elif share > LARGE_HEAD:
        problem = f"choosing among them takes {share:.0%} of the computing"
    else:
        return None
    blocks = table["attention"] + table["feed-forward"]
    most = min(train_tokens / RARE, LARGE_HEAD / (1 - LARGE_HEAD) * blocks / shape.dim)
    fitting = 2 ** int(math.log2(max(1.0, most)))
    instead = f"--vocab-size {fitting}" if fitting >= SMALL_VOCABULARY else "--tokenizer char"
    return f"{shape.vocab_size:,} tokens are too large a vocabulary here ({problem}): try {instead}."


def not_compiled(device: str, *, compiled: bool, compiler: str | None, seconds: float) -> str | None:
    """For a long run on a CPU that computes step by step, where a compiler is there.

    Args:
        compiler: the C++ compiler's path, see `machine.find_compiler`.
        seconds: how long the run took, or will take.
    """
    if device != "cpu" or compiled or compiler is None or seconds < LONG_RUN:
        return None
    # 4,440 to 6,860 tokens a second, for 11M parameters on two cores
    return "This machine has a C++ compiler: --compile on trains about one and a half times as fast on a CPU."


def _late_fall(evaluations: Sequence[Point]) -> float | None:
    """The share by which the validation loss fell in the last quarter; `None` where too little was measured."""
    if len(evaluations) < 2:
        return None
    last_step, last = evaluations[-1]
    before = [loss for step, loss in evaluations[:-1] if step <= 0.75 * last_step]
    return (before[-1] - last) / before[-1] if before and before[-1] > 0 else None
