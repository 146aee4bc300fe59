"""How work that has a count shows on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from picochat.cli.terminal import note, though_unread

LOG_SECONDS = 10.0


class Meter:
    """A progress callback: told how many are done, of how many."""

    def __init__(self, what: str) -> None:
        self._what = what
        console = Console(stderr=True)
        self._live = console.is_terminal
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), TaskProgressColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=not self._live, transient=True)
        self._task = self._progress.add_task(what, total=None)
        self._logged = time.monotonic()

    def __enter__(self) -> Meter:
        self._progress.start()
        return self

    @though_unread()
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.stop()

    @though_unread()
    def __call__(self, done: int, total: int) -> None:
        """Show where the work stands."""
        self._progress.update(self._task, completed=done, total=total)
        if not self._live and time.monotonic() - self._logged > LOG_SECONDS:
            self._logged = time.monotonic()
            note(f"{self._what}: {done / max(1, total):.0%}")
