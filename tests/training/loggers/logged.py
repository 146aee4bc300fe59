"""A real run, logged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from picochat.inference.samples import write_sample
from picochat.training.journal import Journal
from picochat.training.loggers.group import make_loggers
from picochat.training.loggers.logger import Ending
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
    told = Notes()
    journal = Journal(told)
    loggers = make_loggers(names, journal)
    wanted = resumed_config(out, {"steps": more}) if more else config(data, out=out, **{**STEPS, **settings})
    trainer = prepare(wanted, resume=bool(more), reporter=journal, sample=write_sample)
    run = trainer.run
    assert run is not None
    loggers.start(run.path, wanted.to_plain(), trainer.facts, trainer.clock.step)
    write = run.log

    def log(record: dict[str, Any]) -> None:
        write(record)
        loggers.log(record)

    run.log = log  # type: ignore[method-assign]
    result = trainer.fit()
    loggers.finish(Ending("finished", result.step, trainer.clock.best_step, result.val_loss, result.val_bpb))
    return told.notes


def curve(folder: Path, name: str) -> list[tuple[int, float]]:
    """A field of the run's metrics over its steps."""
    return [(line["step"], line[name]) for line in metrics(folder) if name in line]
