"""What is to be measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from picochat.benchmark.programs import OURS, PEERS, PROGRAMS
from picochat.errors import ConfigError
from picochat.inference.opening import PRECISIONS
from picochat.model.config import ModelConfig

CONTEXT, TOKENS = 64, 128
"""Tokens of the prompt and of the answer, where nothing else is asked for and the window is large enough."""

DEFAULTS = {"cpu": ("fp32", "bf16", "int8", "int4"), "cuda": ("fp32", "bf16", "fp16"), "mps": ("fp32", "fp16")}
"""What each kind of device computes."""


@dataclass(frozen=True)
class Cell:
    """One way to run the model: a row of the table."""

    program: str
    precision: str
    threads: int
    context: int


@dataclass(frozen=True)
class Plan:
    """All cells, and what they share.

    Attributes:
        model: the file.
        config: its shape.
        device: where to run it.
        cells: in the order in which they take turns: those that are compared stand side by side.
        tokens: tokens to write.
        rounds: how often each cell takes its turn.
        losses: whether precisions are compared by their loss.
        data: the text for that; `None` is the one that comes with picochat.
        notes: what was left out, and why.
    """

    model: Path
    config: ModelConfig
    device: str
    cells: tuple[Cell, ...]
    tokens: int
    rounds: int
    losses: bool = True
    data: Path | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def threads(self) -> list[int]:
        """All numbers of threads."""
        return sorted({cell.threads for cell in self.cells})

    @property
    def precisions(self) -> list[str]:
        """Those at which picochat runs the model."""
        return list(dict.fromkeys(cell.precision for cell in self.cells if cell.program == OURS))


def make_plan(
    model: Path,
    config: ModelConfig,
    *,
    device: str = "cpu",
    precisions: Sequence[str] = (),
    threads: Sequence[int] = (),
    contexts: Sequence[int] = (),
    tokens: int | None = None,
    rounds: int = 5,
    against: Sequence[str] = (),
    losses: bool = True,
    data: Path | None = None,
) -> Plan:
    """A plan for one model; what is left empty is found out.

    Args:
        device: "cpu", "cuda", "cuda:N" or "mps".
        against: peers to run beside picochat.

    Raises:
        ConfigError: something unknown or out of bounds, or nothing that could be measured.
    """
    from picochat.training.hardware import usable_cores

    check_names(precisions, against)
    on_cpu = device == "cpu"
    cores = usable_cores()
    for count in threads:
        if not 1 <= count <= cores:
            raise ConfigError(f"--threads {count} is out of bounds; this machine has {cores} cores, so choose 1 to {cores}.")
    if not on_cpu and (packed := sorted({"int8", "int4"} & set(precisions))):
        raise ConfigError(f"Precision {packed[0]} runs on the CPU only; give --device cpu, or choose bf16.")
    notes: list[str] = []
    half = max(1, config.context // 2)
    contexts = contexts or (min(CONTEXT, half),)
    tokens = tokens or max(2, min(TOKENS, half))
    fitting = [count for count in contexts if _fits(count, tokens, config.context, notes)]
    if not fitting:
        raise ConfigError(
            f"A prompt of {min(contexts)} tokens with {tokens} after it exceeds the window of {config.context}; "
            "lower --context or --tokens."
        )
    known = {OURS: tuple(precisions) or DEFAULTS[device.partition(":")[0]]}
    for name in against:
        if ways := _ways(name, precisions, on_cpu, notes):
            known[name] = ways
    cells = tuple(
        Cell(program, precision, count, context)
        for context in dict.fromkeys(fitting)
        for count in dict.fromkeys(threads or ((1, cores) if on_cpu else (cores,)))
        for precision in PRECISIONS
        for program, ways in known.items()
        if precision in ways
    )
    return Plan(model, config, device, cells, tokens, rounds, losses, data, tuple(notes))


def check_names(precisions: Sequence[str], against: Sequence[str]) -> None:
    """Raise `ConfigError` for a precision or a program that there is none of."""
    for name in precisions:
        if name not in PRECISIONS[1:]:
            raise ConfigError(f"There is no precision '{name}'; choose among {', '.join(PRECISIONS[1:])}.")
    for name in against:
        if name not in PEERS:
            raise ConfigError(f"There is no program '{name}' to compare with; choose among {', '.join(PEERS)}, or all.")


def _fits(context: int, tokens: int, window: int, notes: list[str]) -> bool:
    if context < 1:
        raise ConfigError(f"--context {context} is out of bounds; a prompt has 1 to {window} tokens.")
    if context + tokens <= window:
        return True
    notes.append(f"context {context:,} is left out: with {tokens:,} tokens after it, it exceeds the window of {window:,}")
    return False


def _ways(name: str, precisions: Sequence[str], on_cpu: bool, notes: list[str]) -> tuple[str, ...]:
    """The precisions at which a peer runs; none, with a note, where it can't."""
    program = PROGRAMS[name]
    if not program.installed:
        notes.append(f"{name} is left out: it is not installed (`pip install {program.package}`)")
        return ()
    if not on_cpu and not program.gpu:
        notes.append(f"{name} is left out: it is compared on the CPU only; give --device cpu")
        return ()
    ways = tuple(way for way in program.bits if not precisions or way in precisions)
    if not ways:
        notes.append(f"{name} is left out: it is compared at {', '.join(program.bits)} only")
    return ways
