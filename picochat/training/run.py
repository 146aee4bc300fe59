"""The run folder: what one training leaves on disk."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml

from picochat.checkpoint import read_tensors, save_tensors
from picochat.errors import CheckpointError, ConfigError, OutputError
from picochat.files import atomic_write, write_text
from picochat.manifest import Entry, fault, read_manifest, write_manifest
from picochat.metrics import METRICS
from picochat.model.config import ModelConfig
from picochat.runs import (
    BEST,
    CONFIG,
    check_free,
    clear,
    remove_unfinished,
    resumable_run,
    run_models,
    spread,
    state_file,
    state_steps,
    step_file,
)
from picochat.training.config import TrainConfig
from picochat.training.lock import lock, unlock

STATE_FORMAT = "picochat-state/1"


class RunFolder:
    """One run's folder.

    Args:
        note: is told what went wrong and how it goes on.
    """

    def __init__(self, path: Path, *, note: Callable[[str], None] = lambda _: None) -> None:
        self.path = path
        self.best = path / BEST
        self._note = note
        self._unsaved: dict[str, str] = {}

    @classmethod
    def create(
        cls, config: TrainConfig, shape: ModelConfig, *, force: bool = False, note: Callable[[str], None] = lambda _: None
    ) -> RunFolder:
        """Make the folder, take it for this process, and write the settings into it.

        Raises:
            OutputError: it can't be written, another process does, or it holds a run and `force` is not given.
        """
        run = cls(config.out or config.default_folder(shape), note=note)
        check_free(run.path, force=force)
        run.lock()
        clear(run.path)
        run.write_config(config)
        return run

    def write_config(self, config: TrainConfig) -> None:
        """Write the settings; raises `OutputError`."""
        write_text(self.path / CONFIG, yaml.safe_dump(config.to_plain(), sort_keys=False))

    @classmethod
    def open(cls, path: Path | None, *, note: Callable[[str], None] = lambda _: None) -> RunFolder:
        """The run at `path`, or the newest under runs/ that can be resumed.

        Raises:
            CheckpointError: there is none.
        """
        return cls(resumable_run(path), note=note)

    def lock(self) -> None:
        """Take the folder for this process, and delete what one that was killed had begun to write there.

        Raises:
            OutputError: another process writes to it, or it can't be written.
        """
        lock(self.path)
        remove_unfinished(self.path)

    def unlock(self) -> None:
        """Let other processes write to the folder; the end of this one does the same."""
        unlock(self.path)

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

    def save_state(self, state: dict[str, Any], keep: int = 2) -> bool:
        """`write_state`, and where that fails, say so and let the training go on; returns whether it is saved."""
        return self._try("state", state["clock"]["step"], lambda: self.write_state(state, keep))

    def save_best(self, step: int, content: dict[str, Any]) -> bool:
        """Put the content of a model file in the place of the best model; like `save_state` where that fails."""
        return self._try("best model", step, lambda: self._write(self.best, step, content))

    def save_model(self, step: int, content: dict[str, Any], keep: int) -> bool:
        """Put a model beside the earlier ones, of which `keep` are left; like `save_state` where that fails."""

        def write() -> None:
            if keep:
                self._write(step_file(self.path, step), step, content)
            self.thin(keep)

        return self._try("model to look back at", step, write)

    def check_saved(self) -> None:
        """Raise `OutputError` if the last state or best model could not be saved: no run ends as if it had been."""
        for what in ("state", "best model"):
            if what in self._unsaved:
                raise OutputError(self._unsaved[what])

    def write_state(self, state: dict[str, Any], keep: int = 2) -> None:
        """Write the trainer's state; the newest `keep` are left.

        Args:
            state: may hold tensors, numbers, strings and containers of them; `state["clock"]["step"]` is its step.

        Raises:
            OutputError: it can't be written. The states before it are untouched.
        """
        step = state["clock"]["step"]
        self._write(state_file(self.path, step), step, {"format": STATE_FORMAT, **state})
        before = [other for other in state_steps(self.path) if other < step]
        self._remove(state_file(self.path, old) for old in before[: max(0, len(before) + 1 - keep)])

    def read_state(self) -> dict[str, Any]:
        """The newest state that is whole; what is passed over for it is told.

        Raises:
            CheckpointError: none is.
        """
        entries = read_manifest(self.path)
        listed = [entry.step for entry in entries if self.path / entry.name == state_file(self.path, entry.step)]
        faults = []
        for step in sorted({*listed, *state_steps(self.path)}, reverse=True):
            path = state_file(self.path, step)
            try:
                if wrong := fault(self.path, self._name(path), entries):
                    raise CheckpointError(f"{self._name(path)} is damaged ({wrong})")
                state = read_tensors(path)
                if not isinstance(state, dict) or state.get("format") != STATE_FORMAT:
                    raise CheckpointError(f"{path} was not written by this version of picochat")
            except CheckpointError as error:
                faults.append(str(error).rstrip("."))
                continue
            if faults:
                self._note(f"{'; '.join(faults)}; going on from step {step}.")
            return state
        raise CheckpointError(f"The run in {self.path} can't be resumed: {'; '.join(faults)}; start it again with --force.")

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
        self._remove(step_file(self.path, step) for step in sorted(set(steps) - set(spread(steps, keep))))

    def forget_after(self, step: int) -> None:
        """Drop the metrics, models and states of steps that a resumed run will do again."""
        later = [step_file(self.path, kept) for kept in self.kept_steps() if kept > step]
        later += [state_file(self.path, other) for other in state_steps(self.path) if other > step]
        self._remove(later)
        path = self.path / METRICS
        with contextlib.suppress(FileNotFoundError):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if _step_of(line) <= step]
            if len(kept) < len(lines):
                write_text(path, "".join(kept))

    def _write(self, path: Path, step: int, content: dict[str, Any]) -> None:
        """Write a file, and list it when it is complete."""
        name, entries = self._name(path), read_manifest(self.path)
        others = [entry for entry in entries if entry.name != name and (self.path / entry.name).exists()]
        with atomic_write(path) as stream:
            save_tensors(stream, content)
            entry = Entry(name, step, stream.size, stream.sha256)
            if any(entry.name == name for entry in entries):
                # the old one stays listed beside the new, until that has taken its place
                write_manifest(self.path, [*entries, entry])
        write_manifest(self.path, [*others, entry])

    def _remove(self, paths: Iterable[Path]) -> None:
        """List these files no longer, then delete them; one that can't be deleted is left for the next time."""
        paths, entries = list(paths), read_manifest(self.path)
        names = {self._name(path) for path in paths}
        left = [entry for entry in entries if entry.name not in names]
        if len(left) < len(entries):
            write_manifest(self.path, left)
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink()

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def _try(self, what: str, step: int, write: Callable[[], None]) -> bool:
        """Write; a failure is told, but not again until it has worked in between."""
        try:
            write()
        except OutputError as error:
            text = f"The {what} of step {step} is not saved: {error}"
            if what not in self._unsaved:
                self._note(f"{text} The training goes on.")
            self._unsaved[what] = text
            return False
        self._unsaved.pop(what, None)
        return True


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")
