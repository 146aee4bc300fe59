"""Run folders seen from outside: what lies in one, and where the runs are.

A leaf, standard library only: the screen and the command line find a run's models without loading what trains one.

runs/<name>/config.yaml    every setting of the run
metrics.jsonl              one JSON object a line
best.pt                    the model with the lowest validation loss
steps/step-000120.pt       some of the earlier models
states/step-000120.pt      all that is needed to go on training, from the newest steps
shards/step-000120/        the large parts of such a state, where --parallel fsdp shares them out
manifest.json              sizes and hashes of all these `.pt` files
train.log                  notes and evaluations, with the time
loss.png                   the losses, drawn when the run ends
loggers.json               under which ids W&B and MLflow know the run
console.log                what the process of `train --watch` printed
"""

from __future__ import annotations

import contextlib
import math
import shutil
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from picochat.errors import CheckpointError, OutputError, PicochatWarning
from picochat.manifest import MANIFEST, fault, read_manifest
from picochat.metrics import METRICS

RUNS = Path("runs")
CONFIG = "config.yaml"
BEST = "best.pt"
STEPS = "steps"
STATES = "states"
SHARDS = "shards"
LOG = "train.log"
CURVE = "loss.png"
CONSOLE = "console.log"
LOGGERS = "loggers.json"


@dataclass(frozen=True)
class RunModel:
    """A model that a run has kept; `step` is `None` where only the file itself tells it."""

    path: Path
    step: int | None


def run_models(place: Path) -> list[RunModel]:
    """The models of a run, by step; of a run that kept none of its steps the best one, and none where there is no run.

    Args:
        place: the run folder, or a model file in it.
    """
    folder = run_folder(place)
    if steps := _steps_in(folder / STEPS):
        return [RunModel(step_file(folder, step), step) for step in steps]
    return [RunModel(folder / BEST, None)] if (folder / BEST).is_file() else []


def run_folder(place: Path) -> Path:
    """The run folder that `place` is, or that the model file at `place` lies in."""
    if not place.is_file():
        return place
    return place.parent.parent if place.parent.name == STEPS else place.parent


def step_file(folder: Path, step: int) -> Path:
    """Where a run keeps the model of that step."""
    return folder / STEPS / _step_name(step)


def state_file(folder: Path, step: int) -> Path:
    """Where a run keeps what is needed to go on from that step."""
    return folder / STATES / _step_name(step)


def state_steps(folder: Path) -> list[int]:
    """The steps that a run might go on from, ascending."""
    return _steps_in(folder / STATES)


def spread(steps: Iterable[int], keep: int) -> list[int]:
    """At most `keep` of the steps, the first and the newest among them, about evenly apart in the logarithm of the step.

    It is asked again whenever a step is added. So whichever leaves the smallest gap goes: what is close together now only
    grows closer, as seen from a longer run.
    """
    left = sorted(set(steps))
    if keep < 2:
        return left[-1:] if keep else []
    while len(left) > keep:
        gaps = [math.log(after / before) for before, after in zip(left, left[2:], strict=False)]
        del left[1 + gaps.index(min(gaps))]
    return left


def newest_run(name: str) -> Path | None:
    """The run under runs/ whose file `name`, a pattern, was written last; `None` where none has it."""
    found = [(path.stat().st_mtime, path) for path in RUNS.glob(f"*/{name}")]
    return RUNS / max(found)[1].relative_to(RUNS).parts[0] if found else None


def resumable_run(folder: Path | None) -> Path:
    """`folder`, or the newest run under runs/, if it can be resumed.

    Raises:
        CheckpointError: it can't.
    """
    if folder is None:
        folder = newest_run(f"{STATES}/step-*.pt")
        if folder is None:
            raise CheckpointError(f"There is no run to resume under {RUNS}/; name one with --out.")
    elif not state_steps(folder):
        raise CheckpointError(f"{folder} holds no {STATES}/ to resume from; give the folder of an unfinished run.")
    return folder


def find_model_file(path: Path) -> Path:
    """The model file that `path` names: itself, or a run folder's best model.

    Where that is damaged, it is the newest of the others that is whole, and a warning says so.

    Raises:
        CheckpointError: nothing there.
    """
    if path.is_dir():
        return _whole_model(path)
    if not path.is_file():
        raise CheckpointError(
            f"There is no model at {path}; train one with `picochat train --data YOUR.txt`, or give another path with -m: "
            "a model file or run folder of picochat, a GGUF file or a Hugging Face folder."
        )
    return path


def _whole_model(folder: Path) -> Path:
    """The best model of a run, or else the newest that is whole; of a run that has none, the best, to say what is wrong."""
    best, entries = folder / BEST, read_manifest(folder)
    wrong = fault(folder, BEST, entries)
    if not wrong:
        return best
    for model in reversed(run_models(folder)):
        if model.path != best and not fault(folder, model.path.relative_to(folder).as_posix(), entries):
            warnings.warn(
                f"{best} is damaged ({wrong}); the model of step {model.step} takes its place.",
                PicochatWarning,
                stacklevel=4,
            )
            return model.path
    if not best.is_file():
        raise CheckpointError(
            f"The folder {folder} holds no {BEST} and no config.json; give a model file or run folder of picochat, a GGUF "
            "file or a Hugging Face folder."
        )
    return best


def check_free(folder: Path, *, force: bool = False) -> None:
    """Raise `OutputError` where a new run would write over something, unless `force` is given."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file, and --out names a folder; choose another place.")
    taken = [name for name in (STATES, BEST, METRICS, CONFIG, STEPS) if (folder / name).exists()]
    if taken and not force:
        go_on = "go on with --resume, " if STATES in taken else ""
        raise OutputError(f"{folder} already holds {taken[0]}; {go_on}replace it with --force, or choose another --out.")


def clear(folder: Path) -> None:
    """Delete what an earlier run has left and a new one would take for its own."""
    if not folder.is_dir():
        return
    for name in (MANIFEST, BEST, METRICS, CURVE):
        (folder / name).unlink(missing_ok=True)
    for name in (STATES, STEPS):
        for step in _steps_in(folder / name):
            (folder / name / _step_name(step)).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            (folder / name).rmdir()
    for part in (folder / SHARDS).glob("step-*"):
        shutil.rmtree(part, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Delete what processes that were killed had begun to write; nobody may be writing."""
    for name in (CONFIG, METRICS, BEST, MANIFEST, CURVE, LOGGERS, f"{STATES}/step-*.pt", f"{STEPS}/step-*.pt"):
        path = folder / name
        for unfinished in path.parent.glob(f".{path.name}.*.tmp"):
            with contextlib.suppress(OSError):
                unfinished.unlink()


def _steps_in(folder: Path) -> list[int]:
    """The steps that have a file in this folder, ascending."""
    return sorted(step for path in folder.glob("step-*.pt") if (step := _step_of(path)) is not None)


def _step_name(step: int) -> str:
    return f"step-{step:06d}.pt"


def _step_of(path: Path) -> int | None:
    digits = path.stem.removeprefix("step-")
    if not (digits.isascii() and digits.isdecimal() and int(digits)):
        return None
    # one spelling only: it is looked for under that name
    return int(digits) if path.name == _step_name(int(digits)) else None
