"""The run folder: what one training leaves on disk."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import yaml

from picochat.checkpoint import read_tensors, write_tensors
from picochat.errors import CheckpointError, ConfigError, OutputError
from picochat.files import write_text
from picochat.metrics import METRICS
from picochat.model.config import ModelConfig
from picochat.runs import BEST, CONFIG, STATE, check_free, clear, remove_models, resumable_run, run_models, spread
from picochat.training.config import TrainConfig

STATE_FORMAT = "picochat-state/1"


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
        run = cls(config.out or config.default_folder(shape))
        check_free(run.path, force=force)
        clear(run.path)
        run.write_config(config)
        return run

    def write_config(self, config: TrainConfig) -> None:
        """Write the settings; raises `OutputError`."""
        write_text(self.path / CONFIG, yaml.safe_dump(config.to_plain(), sort_keys=False))

    @classmethod
    def open(cls, path: Path | None) -> RunFolder:
        """The run at `path`, or the newest under runs/ that can be resumed.

        Raises:
            CheckpointError: there is none.
        """
        return cls(resumable_run(path))

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

    def kept_steps(self) -> list[int]:
        """The steps whose models are kept, ascending."""
        return [model.step for model in run_models(self.path) if model.step is not None]

    def thin(self, keep: int) -> None:
        """Delete kept models until `keep` are left, see `spread`."""
        steps = self.kept_steps()
        remove_models(self.path, set(steps) - set(spread(steps, keep)))

    def forget_after(self, step: int) -> None:
        """Drop the metrics and models of steps that a resumed run will do again."""
        remove_models(self.path, [later for later in self.kept_steps() if later > step])
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
