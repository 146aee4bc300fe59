"""What was measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from picochat.benchmark.plan import Cell, Plan
from picochat.benchmark.programs import OURS, PROGRAMS


@dataclass(frozen=True)
class Sample:
    """One turn of a cell.

    Attributes:
        first: seconds to the first token: the prompt is read, and one token drawn.
        rate: tokens a second after it.
        peak: bytes of memory that the process has taken at most, if that is known.
        runtime: what computed.
    """

    first: float
    rate: float
    peak: int | None
    runtime: str


@dataclass
class Report:
    """All figures so far; it grows while rounds go on, and can be read at any time.

    Attributes:
        machine: what it was measured on, for people.
        samples: turns of each cell.
        memory: bytes a second that were read from memory, by the number of threads.
        reference: bits per byte of the model computed by PyTorch in fp32; `None` where losses were not compared.
        losses: bits per byte by precision.
        notes: what was left out, and why.
        finished: whether all rounds were made.
    """

    plan: Plan
    machine: dict[str, Any]
    samples: dict[Cell, list[Sample]] = field(default_factory=dict)
    memory: dict[int, float] = field(default_factory=dict)
    reference: float | None = None
    losses: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    finished: bool = False

    def rows(self) -> list[dict[str, Any]]:
        """A row for each cell that had a turn, in the plan's order."""
        return [self._row(cell, self.samples[cell]) for cell in self.plan.cells if self.samples.get(cell)]

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON takes it."""
        rates = {str(threads): round(rate / 1e9, 2) for threads, rate in self.memory.items()}
        return {
            "rows": self.rows(),
            "machine": {**self.machine, "memory_gigabytes_per_second": rates},
            "model": str(self.plan.model),
            "parameters": self.plan.config.parameters,
            "device": self.plan.device,
            "tokens": self.plan.tokens,
            "rounds": self.plan.rounds,
            "reference_bits_per_byte": self.reference,
            "notes": self.notes,
            "finished": self.finished,
        }

    def _row(self, cell: Cell, samples: list[Sample]) -> dict[str, Any]:
        decode = median(sample.rate for sample in samples)
        first = median(sample.first for sample in samples)
        read = decode * PROGRAMS[cell.program].step_bytes(self.plan.config, cell.precision)
        # of a GPU's memory nothing was measured
        memory = self.memory.get(cell.threads) if self.plan.device == "cpu" else None
        peaks = [sample.peak for sample in samples if sample.peak is not None]
        loss = self.losses.get(cell.precision) if cell.program == OURS else None
        return {
            "program": cell.program,
            "runtime": samples[-1].runtime,
            "precision": cell.precision,
            "threads": cell.threads,
            "context": cell.context,
            "first_token_seconds": round(first, 6),
            "prefill_tokens_per_second": round(cell.context / first, 1),
            "decode_tokens_per_second": round(decode, 1),
            "best_decode_tokens_per_second": round(max(sample.rate for sample in samples), 1),
            "gigabytes_per_second": round(read / 1e9, 3),
            "share_of_memory_rate": round(read / memory, 3) if memory else None,
            "peak_memory_bytes": max(peaks, default=None),
            "bits_per_byte": loss,
            "bits_per_byte_change_percent": _change(loss, self.reference),
            "rounds": len(samples),
        }


def _change(loss: float | None, reference: float | None) -> float | None:
    return round(100 * (loss / reference - 1), 3) if loss and reference else None
