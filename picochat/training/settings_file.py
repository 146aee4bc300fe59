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


_MAPPING = "tag:yaml.org,2002:map"


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
            loader = _Loader(path.read_text(encoding="utf-8-sig"))
            node = loader.get_single_node()
            if node is None:
                return cls(path, {}, {})
            if not isinstance(node, yaml.MappingNode) or node.tag != _MAPPING:
                raise ConfigError(f"{path} must hold lines like 'steps: 200', a setting in each.")
            lines = _lines(path, node)
            values = loader.construct_document(node)
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
        return cls(path, {str(name): value for name, value in values.items()}, lines)

    def place(self, name: str) -> str:
        """The beginning of a sentence about one of the settings."""
        return f"{self.path}, line {self.lines[name]}: " if name in self.lines else f"{self.path}: "


def _lines(path: Path, node: yaml.MappingNode) -> dict[str, int]:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in lines:
            raise ConfigError(f"{path}, line {line}: {name} stands in line {lines[name]} already; leave one of them out.")
        lines[name] = line
    return lines
