"""Settings that outlive a chat: the user's configuration file, under flags and environment and over the defaults."""

from __future__ import annotations

import contextlib
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
    except (OSError, ValueError, yaml.YAMLError) as error:  # a ValueError is also a date that isn't in the calendar
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
    """Write what differs from the defaults, and leave the rest of the file as it is.

    Raises:
        OutputError: the file can't be written.
    """
    changed = settings.model_dump(mode="json", exclude_defaults=True)
    _write(path, changed, set(ChatSettings.model_fields) - set(changed))


def save_preference(path: Path, settings: ChatSettings, name: str) -> None:
    """Write one setting alone; raises `OutputError`."""
    _write(path, {name: settings.model_dump(mode="json")[name]}, set())


def _write(path: Path, values: dict[str, Any], remove: set[str]) -> None:
    """Change some lines of the file, so that its comments and its order stay."""
    try:
        old = path.read_text(encoding="utf-8")
        known = yaml.safe_load(old) or {}
        wanted = {name: value for name, value in known.items() if name not in remove} | values
    except (OSError, ValueError, yaml.YAMLError, AttributeError):
        # no file, or none that can be used: what somebody wrote there is kept beside it
        old, wanted = "", values
        with contextlib.suppress(OSError):
            path.replace(path.with_name(f"{path.name}.broken"))
    text = _changed_lines(old, values, remove)
    try:
        if (yaml.safe_load(text) or {}) != wanted:
            text = yaml.safe_dump(wanted, sort_keys=False)
    except yaml.YAMLError:
        # a value over several lines, of which only the first was found
        text = yaml.safe_dump(wanted, sort_keys=False)
    write_text(path, text)


def _changed_lines(text: str, values: dict[str, Any], remove: set[str]) -> str:
    new = {name: f"{name}: {_in_one_line(value)}" for name, value in values.items()}
    lines = []
    for line in text.splitlines():
        name = line.partition(":")[0]
        if name in new:
            lines.append(new.pop(name))
        elif name not in remove:
            lines.append(line)
    return "".join(f"{line}\n" for line in [*lines, *new.values()])


def _in_one_line(value: Any) -> str:
    dumped: str = yaml.safe_dump(value, default_flow_style=True, width=float("inf"))
    return dumped.removesuffix("\n").removesuffix("\n...")


def _line_of(path: Path, name: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.lstrip().startswith(name)), 1)
