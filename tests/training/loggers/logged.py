"""A real run, logged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from picochat.inference.samples import write_sample
from picochat.training.reporting import Silent
from picochat.training.setup import prepare, resumed_config
from tests.training.test_trainer import config, metrics

STEPS = {"steps": 6, "eval_every": 3}


class Notes(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def train_logged(data: Path, out: Path, names: Iterable[str] = (), *, more: int = 0, **settings: Any) -> list[str]:
    """Train six steps, or `more` of a run that is there; returns what was said."""
    told, log = Notes(), tuple(names)
    if more:
        wanted = resumed_config(out, {"steps": more, "log": log})
    else:
        wanted = config(data, out=out, log=log, **{**STEPS, **settings})
    prepare(wanted, resume=bool(more), reporter=told, sample=write_sample).fit()
    return told.notes


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    """A field of the run's metrics over its steps."""
    return [(line["step"], line[name]) for line in metrics(folder) if name in line]
