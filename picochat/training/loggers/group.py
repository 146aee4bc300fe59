"""All the loggers of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from picochat.errors import ConfigError
from picochat.metrics import Record
from picochat.training.curve import CurveDrawer
from picochat.training.journal import Journal
from picochat.training.loggers.logger import Ending, Logger
from picochat.training.loggers.mlflow import MlflowLogger
from picochat.training.loggers.tensorboard import TensorBoardLogger
from picochat.training.loggers.wandb import WandbLogger

KINDS: dict[str, type[Logger]] = {"tensorboard": TensorBoardLogger, "wandb": WandbLogger, "mlflow": MlflowLogger}
"""By name, which is also the package that it needs and the extra that installs it."""


class Loggers:
    """Tells every logger; one that fails is told of once and dropped: it must not end a night's run.

    Args:
        note: takes a sentence for the user.
    """

    def __init__(self, loggers: Iterable[Logger], note: Callable[[str], None]) -> None:
        self._loggers, self._note = list(loggers), note

    def start(self, folder: Path, config: dict[str, Any], facts: dict[str, Any], step: int) -> None:
        """The run in `folder` begins, or goes on after `step`; see `Logger.start`."""

        def begin(logger: Logger) -> None:
            where = logger.start(folder, config, facts, step)
            if where:
                self._note(where)

        self._each(begin)

    def log(self, record: Record) -> None:
        """One step is done."""
        self._each(lambda logger: logger.log(record))

    def finish(self, ending: Ending) -> None:
        """The run is over."""
        self._each(lambda logger: logger.finish(ending))

    def _each(self, act: Callable[[Logger], None]) -> None:
        for logger in list(self._loggers):
            try:
                act(logger)
            except Exception as error:  # whatever it is: the run is worth more than a log of it
                self._loggers.remove(logger)
                why = next(iter(str(error).splitlines()), "") or type(error).__name__
                self._note(f"{logger.name} failed, and is left out from here on: {why}")


def make_loggers(names: Iterable[str], journal: Journal) -> Loggers:
    """The journal, the curve at the end, and the loggers of these names.

    Raises:
        ConfigError: one needs a package that is not installed.
    """
    wanted = dict.fromkeys(names)
    for name in wanted:
        package = find_spec(name)
        # without an origin it is no package but a folder of that name, such as the one that wandb makes
        if package is None or package.origin is None:
            raise ConfigError(f"--log {name} needs a package that is missing: pip install 'picochat[{name}]'")
    return Loggers([journal, *(KINDS[name]() for name in wanted), CurveDrawer()], journal.note)
