"""What a logger is told, and what it keeps in the run folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from picochat.files import write_text
from picochat.metrics import Record
from picochat.runs import LOGGERS


@dataclass(frozen=True)
class Ending:
    """How a run ended; the scores are those of the best evaluation, `None` where there was none."""

    status: Literal["finished", "stopped", "failed"]
    step: int
    best_step: int | None = None
    best_val_loss: float | None = None
    best_val_bpb: float | None = None
    reason: str = ""
    """Why it failed."""

    def scores(self) -> dict[str, float]:
        """The scores that there are, by name."""
        given = {"best_step": self.best_step, "best_val_loss": self.best_val_loss, "best_val_bpb": self.best_val_bpb}
        return {name: value for name, value in given.items() if value is not None}


class Logger(Protocol):
    """One place where a run is logged.

    It may raise what it likes: `Loggers` drops it then, and the run goes on.
    """

    name: str

    def start(self, folder: Path, config: dict[str, Any], facts: dict[str, Any], step: int) -> str:
        """The run begins, or goes on after `step`.

        Args:
            folder: the run folder.
            config: the settings.
            facts: what is known of the data.
            step: 0 for a new run.

        Returns:
            A sentence that says where to look; empty where there is none to say.
        """

    def log(self, record: Record) -> None:
        """One step is done; the fields are those of a line in metrics.jsonl."""

    def finish(self, ending: Ending) -> None:
        """The run is over, for now."""


def numbers(record: Record) -> dict[str, float]:
    """What of a record makes a curve over the steps."""
    return {
        name: value
        for name, value in record.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in ("step", "steps", "progress")
    }


def known_id(folder: Path, service: str) -> str | None:
    """Under which id that service knows the run; `None` where it does not."""
    found = _read_ids(folder).get(service)
    return found if isinstance(found, str) else None


def keep_id(folder: Path, service: str, run_id: str) -> None:
    """Remember the id for when the run is resumed; raises `OutputError`."""
    write_text(folder / LOGGERS, json.dumps({**_read_ids(folder), service: run_id}, indent=1) + "\n")


def _read_ids(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / LOGGERS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
