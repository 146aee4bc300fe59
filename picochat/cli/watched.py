"""`picochat train --watch`: the training in a process of its own, under the screen that follows it."""

from __future__ import annotations

import shlex
import time
from pathlib import Path

from picochat.cli.run_end import tell_end
from picochat.cli.terminal import chosen_theme, note
from picochat.errors import TrainingError
from picochat.metrics import RunHistory, RunLog
from picochat.runs import BEST
from picochat.ui.run_process import RunProcess
from picochat.ui.watch_app import WatchApp


def train_watched(folder: Path, arguments: list[str]) -> int:
    """Train and watch until the screen is left; returns the exit code.

    Args:
        folder: the run's folder, which `arguments` must name.
        arguments: those of `picochat train`.

    Raises:
        TrainingError: the training failed.
    """
    process = RunProcess(folder, arguments)
    app = WatchApp(folder, process, theme=chosen_theme())
    app.run()
    if process.running and not process.stopping:
        again = shlex.quote(str(folder))
        note(f"The training goes on in the background as process {process.pid}.")
        note(f"Watch it with: picochat watch {again}")
        note(f"Save and stop it with: kill -INT {process.pid}")
        return app.return_code or 0
    code = _wait(process)
    if process.failed:
        error = TrainingError(process.ending())
        if not process.begun:
            process.discard()
        raise error
    _tell_end(process)
    return code if code >= 0 else 128 - code


def _wait(process: RunProcess) -> int:
    """Wait until it has saved; another Ctrl-C is passed on to it."""
    if process.running:
        note("Stopping: saving first.")
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.stop()


def _tell_end(process: RunProcess) -> None:
    best = process.folder / BEST
    if not best.is_file():
        note(process.ending())
        return
    log, history = RunLog(process.folder), RunHistory()
    history.add(log.poll())
    state = history.state(log.modified, time.time())
    tell_end(best, state.best_val_loss, state.best_val_bpb, stopped_at=state.step if process.code else None)
