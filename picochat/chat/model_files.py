"""The models that can be loaded, for completing `/load`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from picochat.chat.completion import Completion, as_path, choose, date, paths_beside
from picochat.chat.session import ChatSession
from picochat.errors import CheckpointError
from picochat.inference.model_facts import read_model_facts
from picochat.locations import default_model

_known: dict[tuple[Path, int, int], str] = {}
"""What was found out of a file, by its path, time and size."""


def complete_model(_: ChatSession, typed: str) -> list[Completion]:
    """The models of the usual places, and the folders and models beside what was typed of a path."""
    usual = {str(path): Completion(str(path)) for path in usual_places()}
    beside = {choice.value: choice for choice in paths_beside(typed, ".pt")} if typed else {}
    return [_with_facts(choice) for choice in choose(typed, (usual | beside).values())]


def usual_places() -> Iterator[Path]:
    """The shipped model; the best of each run, the newest run first, each with its earlier checkpoints; models/."""
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
    yield from (path for path in sorted(Path("models").glob("*.pt")) if path.absolute() != shipped)


def _time(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _with_facts(choice: Completion) -> Completion:
    """The completion with size and date, and what is known of the training; what is not, can be asked for."""
    if not choice.final:
        return choice
    path = as_path(choice.value)
    try:
        status = path.stat()
    except OSError:
        return choice
    size_and_date = f"{status.st_size / 1e6:,.1f} MB, {date(status.st_mtime)}"
    key = (path.absolute(), status.st_mtime_ns, status.st_size)
    if key in _known:
        return replace(choice, detail=f"{_known[key]}, {size_and_date}")
    return replace(choice, detail=size_and_date, more=partial(_find_out, key, size_and_date))


def _find_out(key: tuple[Path, int, int], size_and_date: str) -> str:
    try:
        facts = read_model_facts(key[0])
    except CheckpointError:
        _known[key] = "no model of picochat"
    else:
        parts = [f"step {facts.step:,}" if facts.step is not None else "no step"]
        parts += [f"loss {facts.val_loss:.3f}"] if facts.val_loss is not None else []
        _known[key] = ", ".join(parts)
    return f"{_known[key]}, {size_and_date}"
