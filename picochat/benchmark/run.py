"""Measuring: everything in processes of their own, and in turns, so that a busy moment hits all cells."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import picochat
from picochat.benchmark.plan import Cell, Plan
from picochat.benchmark.processes import FailedError, ask
from picochat.benchmark.programs import OURS, PROGRAMS
from picochat.benchmark.report import Report, Sample
from picochat.benchmark.worker import REFERENCE
from picochat.errors import ConfigError
from picochat.inference.choice import machine as versions
from picochat.training.hardware import processor, usable_cores

TEMPERATURE = 0.8

Progress = Callable[[int, int], None]
"""Told how many are done, of how many."""


def new_report(plan: Plan) -> Report:
    """An empty report of a plan on this machine."""
    runtimes = [text for text in versions() if text.startswith(("onnxruntime ", "torch "))]
    programs = dict.fromkeys(cell.program for cell in plan.cells if cell.program != OURS)
    peers = [f"{name} {PROGRAMS[name].version or 'of unknown version'}" for name in programs]
    facts = {
        "processor": processor(),
        "cores": usable_cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": [f"picochat {picochat.__version__}", *runtimes, *peers],
    }
    return Report(plan, facts, notes=list(plan.notes))


def run(report: Report, progress: Progress) -> None:
    """Fill a report.

    A cell that fails is left out from then on, with a note.

    Raises:
        ConfigError: none of them works.
        KeyboardInterrupt: the report holds what was measured until then.
    """
    with tempfile.TemporaryDirectory(prefix="picochat-", ignore_cleanup_errors=True) as folder:
        _Run(report, Path(folder), progress).all()


class _Run:
    def __init__(self, report: Report, folder: Path, progress: Progress) -> None:
        self.report = report
        self.plan = report.plan
        self.folder = folder
        self.progress = progress
        self.cells = list(self.plan.cells)
        self.done = 0
        ways = {(cell.program, cell.precision) for cell in self.cells}
        losses = len(self.plan.precisions) + 1 if self.plan.losses else 0
        self.total = len(ways) + losses + self.plan.rounds * (len(self.cells) + len(self.plan.threads))

    def all(self) -> None:
        """Make ready, compare the losses, then let the cells take turns."""
        for cell in {(cell.program, cell.precision): cell for cell in self.cells}.values():
            self._prepare(cell)
        if self.plan.losses and self.plan.precisions:
            self._losses()
        for _ in range(self.plan.rounds):
            for threads in self.plan.threads:
                self._memory(threads)
            for cell in list(self.cells):
                self._turn(cell)
            if not self.cells:
                raise ConfigError(f"Nothing could be measured: {'; '.join(self.report.notes)}.")
        self.report.finished = True

    def _prepare(self, cell: Cell) -> None:
        self._tick()
        try:
            ask("prepare", program=cell.program, **self._setup(cell))
        except FailedError as error:
            same = (cell.program, cell.precision)
            self.cells = [each for each in self.cells if (each.program, each.precision) != same]
            self.report.notes.append(f"{cell.program} {cell.precision} is left out: {error}")

    def _losses(self) -> None:
        left = {cell.precision for cell in self.cells if cell.program == OURS}
        data = str(self.plan.data) if self.plan.data else None
        for precision in (REFERENCE, *(each for each in self.plan.precisions if each in left)):
            self._tick()
            where: dict[str, Any] = {"model": self.plan.model, "device": self.plan.device, "threads": max(self.plan.threads)}
            try:
                loss = ask("loss", precision=precision, data=data, **where)["bits_per_byte"]
            except FailedError as error:
                self.report.notes.append(f"no loss of {precision}: {error}")
                continue
            if precision == REFERENCE:
                self.report.reference = loss
            else:
                self.report.losses[precision] = loss

    def _memory(self, threads: int) -> None:
        self._tick()
        # NumPy's library must not take threads of its own beside those that are asked for
        rate = ask("memory", threads=threads, library_threads=1)["bytes_per_second"]
        self.report.memory[threads] = max(rate, self.report.memory.get(threads, 0.0))

    def _turn(self, cell: Cell) -> None:
        self._tick()
        try:
            found = write_once(self.plan, cell, self.folder)
        except FailedError as error:
            self.cells.remove(cell)
            self.report.notes.append(
                f"{cell.program} {cell.precision} with --threads {cell.threads} --context {cell.context} fails: {error}"
            )
            return
        rate = (self.plan.tokens - 1) / max(found["rest"], 1e-9)
        sample = Sample(found["first"], rate, found["peak_memory_bytes"], found["runtime"])
        self.report.samples.setdefault(cell, []).append(sample)

    def _setup(self, cell: Cell) -> dict[str, Any]:
        return setup_of(self.plan, cell, self.folder)

    def _tick(self) -> None:
        self.progress(self.done, self.total)
        self.done += 1


def setup_of(plan: Plan, cell: Cell, folder: Path) -> dict[str, Any]:
    """The fields of a `Setup`."""
    return {
        "model": plan.model,
        "folder": folder,
        "precision": cell.precision,
        "threads": cell.threads,
        "window": cell.context + plan.tokens,
        "device": plan.device,
    }


def write_once(plan: Plan, cell: Cell, folder: Path, temperature: float = TEMPERATURE) -> dict[str, Any]:
    """One turn: what `worker.write` returns, of what was prepared in `folder`.

    Raises:
        FailedError: it can't be done.
    """
    prompt = np.random.default_rng(0).integers(plan.config.vocab_size, size=cell.context).tolist()
    arguments = {"prompt": prompt, "tokens": plan.tokens, "temperature": temperature}
    return ask("write", program=cell.program, **arguments, **setup_of(plan, cell, folder))
