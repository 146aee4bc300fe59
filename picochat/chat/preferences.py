"""Settings that outlive a chat: the user's configuration file, under flags and environment and over the defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from picochat.chat.settings import ChatSettings
from picochat.errors import ConfigError
from picochat.files import write_text


def read_preferences(path: Path) -> tuple[dict[str, Any], str | None]:
    """The settings that a configuration file gives, and what is wrong with it, in a sentence.

    A broken file never stops a chat: what can't be used is left out.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return {}, f"{path}, line {line}: {error.problem or 'not YAML'}; the defaults are used."
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return {}, f"{path} can't be read ({type(error).__name__}); the defaults are used."
    if values is None:
        return {}, None
    if not isinstance(values, dict):
        return {}, f"{path} must hold lines like 'temperature: 0.7'; the defaults are used."
    good: dict[str, Any] = {}
    for name, value in values.items():
        try:
            ChatSettings.parse({**good, str(name): value})
        except ConfigError as error:
            return good, f"{path}, line {_line_of(path, str(name))}: {error} That line and those after it are left out."
        good[str(name)] = value
    return good, None


def write_preferences(path: Path, settings: ChatSettings) -> None:
    """Write what differs from the defaults; raises `OutputError` where that can't be done."""
    changed = settings.model_dump(mode="json", exclude_defaults=True)
    write_text(path, yaml.safe_dump(changed, sort_keys=False) if changed else "")


def _line_of(path: Path, name: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.lstrip().startswith(name)), 1)
