"""The models that can be loaded, for completing `/load`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from picochat.chat.completion import Completion, as_path, choose, date, paths_beside
from picochat.chat.session import ChatSession
from picochat.errors import CheckpointError
from picochat.inference.model_facts import ModelFacts, read_model_facts, weight_files
from picochat.locations import default_model

ENDINGS = (".pt", ".gguf")
"""The files that are models."""

_known: dict[tuple[Path, int, int], str] = {}
"""What was found out of a model, by its path, time and size."""


def complete_model(_: ChatSession, typed: str) -> list[Completion]:
    """The models of the usual places, and the folders and models beside what was typed of a path."""
    usual = {str(path): Completion(str(path)) for path in usual_places()}
    found = [_model_or_step(choice) for choice in paths_beside(typed, *ENDINGS)] if typed else []
    beside = {choice.value: choice for choice in found}
    return [_with_facts(choice) for choice in choose(typed, (usual | beside).values())]


def usual_places() -> Iterator[Path]:
    """The shipped model; the best of each run, the newest run first, each with its earlier checkpoints; all in models/."""
    try:
        shipped = default_model()
        yield shipped.relative_to(Path.cwd()) if shipped.is_relative_to(Path.cwd()) else shipped
    except (CheckpointError, OSError):
        shipped = None
    runs = {path.parent for name in ("best.pt", "steps/*.pt") for path in Path("runs").glob(f"*/{name}")}
    runs = {run.parent if run.name == "steps" else run for run in runs}
    for run in sorted(runs, key=_time, reverse=True):
        yield from run.glob("best.pt")
        yield from sorted(run.glob("steps/*.pt"), reverse=True)
    models = {path for ending in ENDINGS for path in Path("models").glob(f"*{ending}")}
    models |= {path.parent for path in Path("models").glob("*/*.safetensors")}
    yield from (path for path in sorted(models) if path.absolute() != shipped and weight_files(path))


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _model_or_step(choice: Completion) -> Completion:
    """A folder on the way, as the model that it is where it is one."""
    if choice.final or not weight_files(as_path(choice.value)):
        return choice
    return Completion(choice.value.removesuffix("/"))


def _with_facts(choice: Completion) -> Completion:
    """The completion with size and date, and what is known of the model; what is not, can be asked for."""
    if not choice.final:
        return choice
    path = as_path(choice.value)
    try:
        status = [file.stat() for file in weight_files(path)]
    except OSError:
        return choice
    if not status:  # it was a model's folder a moment ago
        return choice
    size, time = sum(each.st_size for each in status), max(each.st_mtime_ns for each in status)
    size_and_date = f"{size / 1e6:,.1f} MB, {date(time / 1e9)}"
    key = (path.absolute(), time, size)
    if key in _known:
        return replace(choice, detail=f"{_known[key]}, {size_and_date}")
    return replace(choice, detail=size_and_date, more=partial(_find_out, key, size_and_date))


def _find_out(key: tuple[Path, int, int], size_and_date: str) -> str:
    try:
        _known[key] = _in_words(read_model_facts(key[0]))
    except CheckpointError:
        _known[key] = "no model that picochat reads"
    return f"{_known[key]}, {size_and_date}"


def _in_words(facts: ModelFacts) -> str:
    if facts.parameters is not None:
        return f"{facts.architecture}, {facts.parameters / 1e6:,.1f}M parameters"
    parts = [f"step {facts.step:,}" if facts.step is not None else "no step"]
    parts += [f"loss {facts.val_loss:.3f}"] if facts.val_loss is not None else []
    return ", ".join(parts)
