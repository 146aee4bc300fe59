"""How a training run shows on stderr: a line that lives on a terminal, a log elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from picochat.cli.terminal import note, though_unread
from picochat.figures import clock
from picochat.text.safe import printable

LOG_SECONDS = 30.0
"""Where no terminal is, a line is written this often, and at every evaluation."""


SAMPLE = 150
"""Characters of what the model writes that are shown."""


class TimeLeft(ProgressColumn):
    """Time left, from the share that is done; the run's own clock decides, as a run may end by time."""

    def render(self, task: Task) -> Text:
        """The column's text."""
        left = task.fields.get("left")
        return Text("" if left is None else f"{clock(left)} left")


class TrainingProgress:
    """A `Reporter` for the command line."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._live = self._console.is_terminal
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeLeft(),
            console=self._console,
            disable=not self._live,
        )
        self._task: Any = None
        self._began = time.monotonic()
        self._logged = 0.0
        self._start: float | None = None

    def __enter__(self) -> TrainingProgress:
        self._progress.start()
        return self

    @though_unread()
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    @though_unread()
    def note(self, text: str) -> None:
        """Print a sentence."""
        if self._live:
            self._console.print(printable(text), markup=False, highlight=False)
        else:
            note(text)

    @though_unread()
    def progress(self, record: dict[str, Any]) -> None:
        """Show a step."""
        share = record["progress"]
        now = time.monotonic()
        if self._start is None:
            # a resumed run begins in the middle: only what is done now tells how fast it goes
            self._start, self._began = share, now
        done = share - self._start
        left = (now - self._began) / done * (1 - share) if done > 0 else None
        line = describe(record)
        if self._live:
            if self._task is None:
                self._task = self._progress.add_task(line, total=1.0)
            self._progress.update(self._task, completed=share, description=line, left=left)
        elif record["evaluated"] or now - self._logged > LOG_SECONDS or share >= 1:
            self._logged = now
            tail = f", {clock(left)} left" if left is not None else ""
            note(f"{line} ({share:.0%}{tail})")
        if record.get("sample"):
            words = " ".join(str(record["sample"]).split())
            self.note(f"  writes: {words[:SAMPLE] + '...' * (len(words) > SAMPLE)}")


def describe(record: dict[str, Any]) -> str:
    """One step in one line."""
    steps = f"/{record['steps']}" if record.get("steps") else ""
    # a step without a finite loss is skipped
    learnt = f"loss {record['loss']:.3f}" if "loss" in record else f"skipped ({record['skipped']} in all)"
    parts = [f"step {record['step']}{steps}", learnt]
    if "val_loss" in record:
        parts.append(f"val {record['val_loss']:.3f}, {record['val_bpb']:.3f} bits/byte")
    parts.append(f"{record['tokens_per_second']:,.0f} tok/s")
    return ", ".join(parts)
