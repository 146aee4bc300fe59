"""A YAML file of settings, and the lines they stand in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from picochat.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """Reads plain values as text, but for null: the schema knows the types, and `compile: on` is no boolean there."""


_Loader.yaml_implicit_resolvers = {
    first: [rule for rule in rules if rule[0] == "tag:yaml.org,2002:null"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class SettingsFile:
    """What a file says, unchecked.

    Attributes:
        values: texts, lists, mappings and `None`, by the setting's name.
        lines: where each stands, from 1.
    """

    path: Path
    values: dict[str, Any]
    lines: dict[str, int]

    @classmethod
    def read(cls, path: Path) -> SettingsFile:
        """Read a mapping of settings; an empty file has none.

        Raises:
            ConfigError: no file, no YAML, no mapping, or a setting that stands there twice.
        """
        try:
            return cls._parse(path, _Loader(path.read_text(encoding="utf-8-sig")))
        except FileNotFoundError:
            raise ConfigError(f"There is no settings file {path}; `picochat config show` prints one.") from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = f", line {mark.line + 1}" if mark else ""
            raise ConfigError(f"{path}{line}: this is no YAML ({error.problem or error.context}).") from None
        except UnicodeDecodeError:
            raise ConfigError(f"{path} is not UTF-8; convert it first.") from None
        except OSError as error:
            raise ConfigError(f"{path} can't be read ({error.strerror or error}).") from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).partition("\n")[0]
            raise ConfigError(f"{path}: this is no YAML ({reason}).") from None

    @classmethod
    def _parse(cls, path: Path, loader: _Loader) -> SettingsFile:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        node = loader.get_single_node()
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise ConfigError(f"{path} must hold lines like 'steps: 200', a setting in each.")
        for key, value in node.value if node else ():
            name, line = str(key.value), key.start_mark.line + 1
            if name in lines:
                raise ConfigError(f"{path}, line {line}: {name} stands in line {lines[name]} already; leave one out.")
            values[name] = loader.construct_object(value, deep=True)
            lines[name] = line
        return cls(path, values, lines)

    def place(self, name: str) -> str:
        """The beginning of a sentence about one of the settings."""
        return f"{self.path}, line {self.lines[name]}: " if name in self.lines else f"{self.path}: "
