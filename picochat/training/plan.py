"""The time dial: from a time, a text and a machine's speed to the settings of a run, with the reason for each.

Only arithmetic: `probe` measures the speed, and a test can make one up. How the size is chosen stands in `sizing`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from picochat.errors import ConfigError
from picochat.figures import clock
from picochat.model.config import ModelConfig
from picochat.training.config import TrainConfig
from picochat.training.machine import COMPILED, Machine, MemoryNeed, memory_need
from picochat.training.optim import default_rate
from picochat.training.sizing import (
    LEAST_RATIO,
    MOST_EPOCHS,
    DataSize,
    Limits,
    best_shape,
    candidates,
    multiplying,
    power_of_two,
)

SHARE = 0.9
"""Of the time in which there is training; the rest is for evaluating, saving and samples."""

EVALUATING = 0.05
"""Share of the time that evaluations may take."""

SIZES = frozenset({"preset", "size", "init_from"})
"""Settings that fix the whole shape."""

NAMED = (
    "preset", "size", "layers", "heads", "kv_heads", "embedding", "feed_forward", "context", "vocab_size", "batch_size",
    "accumulation", "lr", "schedule", "steps", "epochs", "eval_every", "eval_batches",
)  # fmt: skip
"""Settings that a plan would speak of, and says where they were given."""


@dataclass(frozen=True)
class Plan:
    """A run as it is going to be.

    Attributes:
        config: its settings.
        changes: those of them that were chosen here.
        shape: of the network; its vocabulary is the one hoped for.
        text_tokens: tokens of the text to learn from.
        steps: optimizer steps.
        tokens_per_second: while training; `None` where nothing was measured.
        seconds: until the end, with evaluations; `None` likewise.
        memory: what training takes.
        reasons: a sentence for each choice.
    """

    config: TrainConfig
    changes: dict[str, Any]
    shape: ModelConfig
    text_tokens: int
    steps: int
    tokens_per_second: float | None
    seconds: float | None
    memory: MemoryNeed
    reasons: tuple[str, ...] = ()

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one optimizer step."""
        return self.config.batch_size * self.config.accumulation * self.shape.context

    @property
    def tokens(self) -> int:
        """Tokens that the run will see."""
        return self.steps * self.tokens_per_step

    @property
    def epochs(self) -> float:
        """Passes over the text."""
        return self.tokens / self.text_tokens

    @property
    def tokens_per_parameter(self) -> float:
        """Tokens seen for each parameter that multiplies."""
        return self.tokens / multiplying(self.shape)

    @property
    def rate(self) -> float:
        """The peak learning rate."""
        return self.config.lr or default_rate(self.config.optimizer, self.shape.dim)

    def describe(self) -> str:
        """The plan as an aligned table, and its reasons below it."""
        shape, config, memory = self.shape, self.config, self.memory
        parts = ", ".join(f"{name} {_bytes(size)}" for name, size in dataclasses.asdict(memory).items())
        table = {
            "network": f"{shape.layers} layers of {shape.dim}, {shape.heads} heads, {shape.architecture}",
            "parameters": f"{amount(shape.parameters)} ({amount(multiplying(shape))} in products)",
            "vocabulary": f"{shape.vocab_size:,}",
            "context": f"{shape.context:,} tokens",
            "step": f"{self.tokens_per_step:,} tokens ({config.accumulation} x {config.batch_size} sequences)",
            "steps": f"{self.steps:,}",
            "tokens": f"{amount(self.tokens)}, {self.tokens_per_parameter:.2g} for each parameter",
            "epochs": f"{self.epochs:.2g} of {amount(self.text_tokens)} tokens",
            "learning rate": f"{self.rate:.3g} ({config.optimizer}, {config.schedule})",
            "speed": f"{self.tokens_per_second:,.0f} tokens/s" if self.tokens_per_second else "not measured",
            "time": clock(self.seconds) if self.seconds else "not known",
            "memory": f"{_bytes(memory.total)} ({parts})",
        }
        width = max(map(len, table))
        return "\n".join([*(f"{name:<{width}}  {value}" for name, value in table.items()), "", *self.reasons])


def make_plan(
    config: TrainConfig,
    data: DataSize,
    machine: Machine,
    *,
    shape: ModelConfig | None = None,
) -> Plan:
    """Plan the run that `config` asks for; where it gives a `time`, choose what nobody has decided.

    Args:
        data: how much there is to learn from.
        machine: what trains; it must be able to measure for a plan of a time.
        shape: of a model to start from, which is then not chosen.

    Raises:
        ConfigError: settings that don't fit together, or a time and nothing to measure with.
    """
    asked = frozenset(config.model_fields_set)
    vocab_size = data.vocab_size or config.vocab_size
    if config.time is None:
        return _plain_plan(config, data, machine, asked, shape or config.model_config_for(vocab_size))
    if machine.measure is None:
        raise ConfigError("A plan for --time needs the speed of this machine; measure it.")
    seconds = max(SHARE * config.time - machine.preparation, 0.1 * config.time)
    limits = Limits(data, seconds, config.epochs or MOST_EPOCHS)
    chosen = shape is None and not asked & SIZES
    rungs = candidates(config, data, asked, machine.device) if chosen else [shape or config.model_config_for(vocab_size)]
    network, speed = best_shape(rungs, limits, machine, config)
    tokens = limits.tokens(network, speed)
    rows, accumulation = _batch(config, asked, network, tokens, machine.rows(network, config))
    step = rows * accumulation * network.context
    if config.steps:
        tokens = min(tokens, config.steps * step)
    steps = max(1, int(tokens / step))
    changes: dict[str, Any] = {"batch_size": rows, "accumulation": accumulation, "schedule": "wsd", "min_lr": 0.05}
    changes |= _evaluations(steps, accumulation, config.eval_batches)
    if chosen:
        changes |= {"layers": network.layers, "heads": network.heads, "embedding": network.dim, "context": network.context}
        if data.vocab_size is None:
            changes["vocab_size"] = network.vocab_size
    short = tokens < seconds * speed and config.steps is None and config.epochs is None
    if short:
        changes["epochs"] = MOST_EPOCHS
    changes = {name: value for name, value in changes.items() if name not in asked}
    config = config.changed(**changes)
    plan = Plan(
        config,
        changes,
        network,
        limits.data.tokens_at(network.vocab_size),
        steps,
        speed,
        steps * step / speed / SHARE + machine.preparation,
        memory_need(network, config, rows, machine.device),
    )
    reasons = [*_as_asked(config, asked), *_choices(plan, rungs, limits, machine), *_warnings(plan)]
    if short:
        reasons.append(
            f"The text is read {plan.epochs:.2g} times, so the run ends after about {clock(plan.seconds)} of "
            f"{clock(config.time)}; more text would help."
        )
    return dataclasses.replace(plan, reasons=tuple(reasons))


def batch_tokens(tokens: float) -> int:
    """Tokens of a step, in a run of so many: a power of two.

    The best batch grows as D^0.383, from 2^19 at the 1.2e9 tokens of nanochat's depth 12 (Power Lines, arXiv 2505.13738). A
    short run needs many steps more than large ones: 3,000 of them; or else 500 of 8,192 tokens, which Muon's own work is
    worth; or in minutes 100 of 2,048.
    """
    law = 2**19 * (tokens / 1.2e9) ** 0.383
    return power_of_two(max(min(law, tokens / 3000), min(8192, tokens / 500), min(2048, tokens / 100)))


def _batch(config: TrainConfig, asked: Collection[str], shape: ModelConfig, tokens: float, most: int) -> tuple[int, int]:
    """Sequences of a batch, and batches of a step."""
    wanted = max(1, batch_tokens(tokens) // shape.context)
    if "batch_size" in asked:
        rows = config.batch_size
    else:
        rows = max(1, min(most, wanted // (config.accumulation if "accumulation" in asked else 1)))
    return rows, config.accumulation if "accumulation" in asked else max(1, wanted // rows)


def _evaluations(steps: int, accumulation: int, most: int) -> dict[str, int]:
    """Ten or twenty evaluations; one costs a third of learning from as much."""
    count = 20 if steps >= 2000 else 10
    batches = int(3 * EVALUATING * steps * accumulation / count)
    return {"eval_every": max(1, -(-steps // count)), "eval_batches": max(1, min(most, batches))}


def _plain_plan(config: TrainConfig, data: DataSize, machine: Machine, asked: Collection[str], shape: ModelConfig) -> Plan:
    """The run as the settings have it; nothing is chosen."""
    text = data.tokens_at(shape.vocab_size)
    step = config.batch_size * config.accumulation * shape.context
    steps = config.steps or max(1, math.ceil((config.epochs or MOST_EPOCHS) * text / step))
    speed = machine.speed(shape, config.batch_size)
    seconds = steps * step / speed / SHARE + machine.preparation if speed else None
    plan = Plan(
        config, {}, shape, text, steps, speed, seconds, memory_need(shape, config, config.batch_size, machine.device)
    )
    reasons = [*_as_asked(config, asked), *_warnings(plan)]
    if config.steps is None and config.epochs is None:
        reasons.append(f"Without --steps, --epochs or --time the text is read {MOST_EPOCHS:g} times.")
    return dataclasses.replace(plan, reasons=tuple(reasons))


# -- in words -----------------------------------------------------------------------------------------------------------


def _choices(plan: Plan, rungs: list[ModelConfig], limits: Limits, machine: Machine) -> list[str]:
    """A sentence for each choice."""
    shape, config, changes, said = plan.shape, plan.config, plan.changes, []
    if len(rungs) > 1:
        size = f"Size: {amount(shape.parameters)} parameters, of {len(rungs)} sizes from {amount(rungs[0].parameters)}"
        larger = next((rung for rung in rungs[rungs.index(shape) :] if rung != shape), None)
        if larger and not limits.fills(larger):
            said.append(f"{size}; the text is too small to fill {amount(larger.parameters)}.")
        elif larger and not machine.holds(larger, config):
            said.append(f"{size}; {amount(larger.parameters)} do not fit in memory.")
        else:
            said.append(f"{size} to {amount(rungs[-1].parameters)}: the one that ends with the least loss, by scaling laws.")
    if "vocab_size" in changes:
        said.append(f"Vocabulary: {shape.vocab_size:,}, so that its share of the network and of the text is modest.")
    if "context" in changes:
        said.append(f"Context: {shape.context}, a window that trains well at this size on this device.")
    if {"batch_size", "accumulation"} & changes.keys():
        said.append(f"Batch: {plan.tokens_per_step:,} tokens a step, so that there are enough steps ({plan.steps:,}).")
    if config.lr is None:
        said.append(f"Learning rate: {plan.rate:.3g}, the default of {config.optimizer} at this width.")
    if "schedule" in changes:
        said.append(f"Schedule: steady, then falling over the last {config.decay:.0%}, until the run ends.")
    if machine.compiled:
        said.append(f"Speed: measured without torch.compile, which is counted as {COMPILED:g} times as fast.")
    return said


def _as_asked(config: TrainConfig, asked: Collection[str]) -> list[str]:
    return [f"{name.replace('_', '-').capitalize()} {getattr(config, name)}, as asked." for name in NAMED if name in asked]


def _warnings(plan: Plan) -> list[str]:
    said = []
    if plan.tokens_per_parameter < LEAST_RATIO and "layers" not in plan.changes:
        said.append(
            f"{plan.tokens_per_parameter:.2g} tokens for each parameter are few: a smaller network, more time or more text "
            "would be better."
        )
    if plan.epochs > 4 and "epochs" not in plan.changes:
        said.append(f"The text is read {plan.epochs:.2g} times; after about four, more text helps more than more time.")
    return said


def amount(count: float) -> str:
    """A count in three figures: 950, 12.3k, 11.2M, 1.05B."""
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            number = count / size
            return f"{number:.{max(0, 2 - int(math.log10(max(1.0, number))))}f}{unit}"
    return f"{count:.0f}"


def _bytes(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
