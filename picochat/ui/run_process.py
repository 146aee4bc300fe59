"""A training that runs beside the screen, in a process of its own."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from picochat.errors import OutputError
from picochat.interrupt import STOPPING
from picochat.metrics import METRICS
from picochat.runs import CONSOLE

OURS = "picochat: "
"""How the line begins in which the command tells of an error."""


class RunProcess:
    """`picochat train`, with what it prints in the run folder's console.log.

    It has a session of its own: keys pressed here don't reach it, and it outlives the terminal.

    Args:
        folder: the run's folder, as the arguments name it.
        arguments: those of `picochat train`.

    Attributes:
        stopping: it was asked to stop.

    Raises:
        OutputError: the folder can't be written.
    """

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self.folder = folder
        self.log = folder / CONSOLE
        self.stopping = False
        self._new_folder = not folder.exists()
        self._metrics = self._stamp()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            log = self.log.open("ab")
        except OSError as error:
            raise OutputError(f"{folder} can't be written ({error.strerror}); choose another place.") from None
        with log:
            self._before = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "picochat", "train", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it is still there."""
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        """How it ended: its exit code, or minus the signal that killed it."""
        return self._process.poll()

    @property
    def begun(self) -> bool:
        """Whether it has got as far as its metrics."""
        return self._stamp() not in (None, self._metrics)

    @property
    def failed(self) -> bool:
        """Whether it ended, and neither at its goal nor by anybody's wish."""
        asked = {0, *(128 + number for number in STOPPING)}
        if self.stopping:
            asked.add(-signal.SIGINT)  # before it listened
        return not self.running and self.code not in asked

    def stop(self) -> None:
        """Ask it to save and end; asked again, it ends at once."""
        self.stopping = True
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)

    def wait(self) -> int:
        """Wait for its end; returns `code`."""
        return self._process.wait()

    def ending(self) -> str:
        """How it ended, in a sentence; empty while it runs."""
        code = self.code
        if code is None:
            return ""
        if code == 0:
            return "The run is finished."
        if not self.failed:
            return "The run was stopped, and saved." if self.begun else "The run was stopped before its first step."
        if code < 0:
            return f"The training process was killed ({_signal_name(-code)}); --resume goes on from its last evaluation."
        last = self.last_line()
        if last.startswith(OURS):
            return last.removeprefix(OURS)
        return f"The training process failed (exit code {code}); its log is {self.log}."

    def discard(self) -> None:
        """Take away what was made for a run that never began: the log, and the folder if nothing else is in it."""
        with contextlib.suppress(OSError):
            if self._before == 0 and self.last_line().startswith(OURS):
                self.log.unlink()
            if self._new_folder:
                self.folder.rmdir()

    def last_line(self) -> str:
        """What it said last."""
        try:
            with self.log.open("rb") as log:
                log.seek(self._before)
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        return next((line for line in reversed(lines) if line.strip()), "")

    def _stamp(self) -> tuple[int, int] | None:
        try:
            status = (self.folder / METRICS).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
