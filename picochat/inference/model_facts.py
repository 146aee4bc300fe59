"""The facts of a model's training, read from its file without loading the model, and without torch."""

from __future__ import annotations

import pickletools
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picochat.errors import CheckpointError

RECORD_LIMIT = 1 << 26
"""A larger record of names and numbers is not one of ours, and not read."""

_KINDS: dict[str, type | tuple[type, ...]] = {"format": str, "step": int, "val_loss": (int, float)}


@dataclass(frozen=True)
class ModelFacts:
    """What tells one model of a run from another; `None` where the file doesn't say."""

    step: int | None
    val_loss: float | None


def read_model_facts(path: Path) -> ModelFacts:
    """Read the facts of a model file, in milliseconds whatever its size.

    A model file is a zip whose `data.pkl` holds all but the weights. Its instructions are listed here and never executed, so
    that a hostile file can do nothing.

    Raises:
        CheckpointError: this is no model file of picochat.
    """
    found: dict[str, Any] = {}
    # by their numbers, the values that are referred to again
    kept: dict[Any, Any] = {}
    name = value = None
    try:
        for instruction, argument, _ in pickletools.genops(_record(path)):
            if instruction.name.endswith("PUT"):
                kept[argument] = value
                continue
            name, value = value, kept.get(argument) if instruction.name.endswith("GET") else argument
            if isinstance(name, str) and name in _KINDS and isinstance(value, _KINDS[name]):
                found[name] = value
    except Exception as error:  # zip and pickle have many ways to be damaged
        raise CheckpointError(f"{path} can't be read ({type(error).__name__}: {error}); get or train it again.") from None
    if not found.get("format", "").startswith("picochat/"):
        raise CheckpointError(f"{path} is not a picochat model; train one with `picochat train --data YOUR.txt`.")
    return ModelFacts(found.get("step"), found.get("val_loss"))


def _record(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        entry = next(entry for entry in archive.infolist() if entry.filename.endswith("/data.pkl"))
        if entry.file_size > RECORD_LIMIT:
            raise ValueError(f"{entry.filename} is too large")
        return archive.read(entry)
