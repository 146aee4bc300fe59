"""The shipped recipes: YAML files of settings, in presets/ beside this module."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from picochat.model.config import PRESETS as SIZES
from picochat.training.settings_file import SettingsFile

FOLDER = Path(__file__).parent / "presets"
DEFAULT = "default"


@cache
def preset_names() -> tuple[str, ...]:
    """All presets: the default one, those that are named after a size, the others."""
    first = [DEFAULT, *SIZES]
    names = sorted(path.stem for path in FOLDER.glob("*.yaml"))
    return tuple(sorted(names, key=lambda name: first.index(name) if name in first else len(first)))


@cache
def preset_settings(name: str) -> dict[str, Any]:
    """The settings of a preset, unchecked; `name` must be one of `preset_names`."""
    return SettingsFile.read(FOLDER / f"{name}.yaml").values


def preset_summary(name: str) -> str:
    """What a preset is for, in one line: the first comment of its file."""
    return (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").partition("\n")[0].removeprefix("#").strip()
