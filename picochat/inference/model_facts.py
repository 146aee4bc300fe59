"""The facts of a model, read from its file or folder without loading the model, and without torch."""

from __future__ import annotations

import json
import math
import pickletools
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from picochat.errors import CheckpointError
from picochat.interop.gguf_file import GgufFile
from picochat.interop.hf_config import config_from_hf
from picochat.interop.source import CONFIG, is_gguf, is_hf
from picochat.model.config import ARCHITECTURES

RECORD_LIMIT = 1 << 26
"""A larger record of names and numbers is not one of ours, and not read."""

_KINDS: dict[str, type | tuple[type, ...]] = {"format": str, "step": int, "val_loss": (int, float)}


@dataclass(frozen=True)
class ModelFacts:
    """What tells one model from another; `None` where the file doesn't say.

    Attributes:
        step: of a model of picochat, and so is `val_loss`.
        architecture: of a model from elsewhere, and so is `parameters`, how many it has.
    """

    step: int | None = None
    val_loss: float | None = None
    architecture: str | None = None
    parameters: int | None = None


def weight_files(path: Path) -> list[Path]:
    """The files with a model's weights: the file itself, or those of a Hugging Face folder; of other folders none."""
    try:
        if path.is_dir():
            return sorted(path.glob("*.safetensors")) if is_hf(path) else []
        return [path]
    except OSError:
        return []


def read_model_facts(path: Path) -> ModelFacts:
    """Read the facts of a model file, GGUF file or Hugging Face folder; its weights are not touched.

    Raises:
        CheckpointError: this is no model, or one that picochat can't read.
    """
    if path.is_dir():
        return _of_folder(path)
    return _of_gguf(path) if is_gguf(path) else _of_own(path)


def _of_folder(folder: Path) -> ModelFacts:
    try:
        if (folder / CONFIG).stat().st_size > RECORD_LIMIT:
            raise ValueError(f"{CONFIG} is too large")
        config = config_from_hf(json.loads((folder / CONFIG).read_text(encoding="utf-8")), str(folder))
    except CheckpointError:
        raise
    except Exception as error:  # anything can be in the place of anything
        raise CheckpointError(f"{folder} can't be read ({type(error).__name__}: {error}); get the model again.") from None
    return ModelFacts(architecture=config.architecture, parameters=config.parameters)


def _of_gguf(path: Path) -> ModelFacts:
    file = GgufFile(path)
    architecture = file.metadata.get("general.architecture")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise file.unsupported(f"its architecture is {architecture!r:.60}, and picochat knows {', '.join(ARCHITECTURES)}")
    parameters = sum(math.prod(tensor.shape) for tensor in file.tensors.values())
    return ModelFacts(architecture=architecture, parameters=parameters)


def _of_own(path: Path) -> ModelFacts:
    """The facts of a model file of picochat, in milliseconds whatever its size.

    It is a zip whose `data.pkl` holds all but the weights. Its instructions are listed here and never executed, so that a
    hostile file can do nothing.
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
