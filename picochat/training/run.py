"""The run folder: what one training leaves on disk.

runs/<name>/config.yaml      every setting of the run
metrics.jsonl    one JSON object a line
best.pt          the model with the lowest validation loss
state.pt         all that is needed to go on training
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import yaml

from picochat.checkpoint import BEST, read_tensors, write_tensors
from picochat.errors import CheckpointError, ConfigError, OutputError
from picochat.files import write_text
from picochat.model.config import ModelConfig
from picochat.training.config import TrainConfig

STATE = "state.pt"
CONFIG = "config.yaml"
METRICS = "metrics.jsonl"
STATE_FORMAT = "picochat-state/1"
RUNS = Path("runs")


class RunFolder:
    """One run's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.best = path / BEST
        self.state = path / STATE

    @classmethod
    def create(cls, config: TrainConfig, shape: ModelConfig, *, force: bool = False) -> RunFolder:
        """Make the folder and write the settings into it.

        Raises:
            OutputError: it holds a run already and `force` is not given, or can't be written.
        """
        run = cls(config.out or RUNS / run_name(config, shape))
        run.check_free(force=force)
        for name in (STATE, BEST, METRICS):
            if (run.path / name).exists():
                (run.path / name).unlink()
        run.write_config(config)
        return run

    def check_free(self, *, force: bool = False) -> None:
        """Raise `OutputError` where a new run would write over something."""
        if self.path.exists() and not self.path.is_dir():
            raise OutputError(f"{self.path} is a file, and --out names a folder; choose another place.")
        taken = [name for name in (STATE, BEST, METRICS, CONFIG) if (self.path / name).exists()]
        if taken and not force:
            go_on = "go on with --resume, " if STATE in taken else ""
            raise OutputError(
                f"{self.path} already holds {taken[0]}; {go_on}replace it with --force, or choose another --out."
            )

    def write_config(self, config: TrainConfig) -> None:
        """Write the settings; raises `OutputError`."""
        write_text(self.path / CONFIG, yaml.safe_dump(config.to_plain(), sort_keys=False))

    @classmethod
    def open(cls, path: Path | None) -> RunFolder:
        """The run at `path`, or the newest under runs/ that can be resumed.

        Raises:
            CheckpointError: there is none.
        """
        if path is None:
            found = sorted(RUNS.glob(f"*/{STATE}"), key=lambda state: state.stat().st_mtime)
            if not found:
                raise CheckpointError(f"There is no run to resume under {RUNS}/; name one with --out.")
            return cls(found[-1].parent)
        if not (path / STATE).is_file():
            raise CheckpointError(f"{path} holds no {STATE} to resume from; give the folder of an unfinished run.")
        return cls(path)

    def read_config(self) -> TrainConfig:
        """The settings the run was started with; raises `CheckpointError` or `ConfigError`."""
        path = self.path / CONFIG
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise CheckpointError(f"{path} can't be read ({type(error).__name__}).") from None
        if not isinstance(values, dict):
            raise CheckpointError(f"{path} holds no settings.")
        try:
            return TrainConfig.parse(values)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from None

    def write_state(self, state: dict[str, Any]) -> None:
        """Write the trainer's state atomically; it may hold tensors, numbers, strings and containers of them."""
        write_tensors(self.state, {"format": STATE_FORMAT, **state})

    def read_state(self) -> dict[str, Any]:
        """Read it back; raises `CheckpointError` where it is damaged or of another version."""
        state = read_tensors(self.state)
        if not isinstance(state, dict) or state.get("format") != STATE_FORMAT:
            raise CheckpointError(f"{self.state} was not written by this version of picochat; start the run again.")
        return state

    def log(self, record: dict[str, Any]) -> None:
        """Append one line to the metrics; raises `OutputError` where that can't be done."""
        try:
            with (self.path / METRICS).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(record) + "\n")
        except OSError as error:
            raise OutputError(f"{self.path / METRICS} can't be written ({error.strerror}).") from None

    def forget_after(self, step: int) -> None:
        """Drop the metrics of steps that a resumed run will do again."""
        path = self.path / METRICS
        with contextlib.suppress(FileNotFoundError):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if _step_of(line) <= step]
            if len(kept) < len(lines):
                write_text(path, "".join(kept))


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def run_name(config: TrainConfig, shape: ModelConfig) -> str:
    """Data, shape and time: conv-l8-d512-c256-20261121-0830."""
    stem = config.data.name.split(".")[0] or "run"
    return f"{stem}-l{shape.layers}-d{shape.dim}-c{shape.context}-{time.strftime('%Y%m%d-%H%M%S')}"
