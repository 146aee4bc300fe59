"""The log of a run that people read, `train.log`."""

from __future__ import annotations

import logging
from logging.handlers import MemoryHandler, RotatingFileHandler
from pathlib import Path
from typing import Any

from picochat.figures import describe_evaluation
from picochat.metrics import Evaluation, Record
from picochat.runs import LOG
from picochat.text.safe import printable
from picochat.training.loggers.logger import Ending
from picochat.training.reporting import Reporter

LOG_BYTES = 1_000_000
LOG_BACKUPS = 3
ENDS = {"finished": "The run is finished", "stopped": "The run was stopped", "failed": "The run failed"}


class Journal:
    """Writes notes and evaluations to the run folder, each on a line with its time.

    It is a `Reporter`, which passes on to `reporter` what it is told, and a `Logger`, which learns where to write. What is
    said before the run has a folder is kept until then.
    """

    name = LOG

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        # not one of logging.getLogger's: those are shared, and this one is the run's own
        self._lines = logging.Logger(LOG, logging.INFO)
        self._lines.addHandler(MemoryHandler(capacity=1000, flushLevel=logging.CRITICAL))

    def note(self, text: str) -> None:
        """Pass a sentence on, and write it."""
        self.reporter.note(text)
        self._write(text)

    def progress(self, record: dict[str, Any]) -> None:
        """Pass it on."""
        self.reporter.progress(record)

    def start(self, folder: Path, config: dict[str, Any], facts: dict[str, Any], step: int) -> str:
        """Write what was said so far."""
        try:
            file = _Lines(folder / LOG, maxBytes=LOG_BYTES, backupCount=LOG_BACKUPS, encoding="utf-8")
            file.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%Y-%m-%d %H:%M:%S"))
            for handler in list(self._lines.handlers):
                if isinstance(handler, MemoryHandler):
                    handler.setTarget(file)
                    handler.flush()
                self._lines.removeHandler(handler)
            self._lines.addHandler(file)
        except OSError as error:
            self._give_up(error)
        return ""

    def log(self, record: Record) -> None:
        """Write an evaluation."""
        if "val_loss" in record:
            said = describe_evaluation(Evaluation(record["step"], record["val_loss"], record.get("val_bpb"), None))
            # a step that was skipped has no loss
            said += f"; training loss {record['loss']:.3f}" if "loss" in record else ""
            self._write(f"{said}; {record['tokens_per_second']:,.0f} tokens/s")

    def finish(self, ending: Ending) -> None:
        """Write how it ended, and close."""
        best = "" if ending.best_val_loss is None else f"; best validation loss {ending.best_val_loss:.3f}"
        best += "" if ending.best_step is None else f" at step {ending.best_step:,}"
        why = f": {ending.reason}" if ending.reason else "."
        self._write(f"{ENDS[ending.status]} at step {ending.step:,}{best}{why}")
        for handler in list(self._lines.handlers):
            self._lines.removeHandler(handler)
            handler.close()

    def _write(self, text: str) -> None:
        try:
            self._lines.info("%s", " ".join(printable(text).split()))
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._lines.handlers.clear()
        self.reporter.note(f"{LOG} can't be written ({error.strerror or error}); the run goes on without it.")


class _Lines(RotatingFileHandler):
    """A log file whose errors are raised; the standard library would print a traceback for each line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        raise
