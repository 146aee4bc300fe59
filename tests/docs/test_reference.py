"""docs/configuration.md is what its generator makes of the code, and leaves out nothing."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

import pytest

from picochat.chat.actions import COMMANDS
from picochat.chat.keys import ACTIONS
from picochat.chat.settings import ChatSettings
from picochat.cli import COMMANDS as PROGRAMS
from picochat.errors import ConfigError
from picochat.model.config import PRESETS, ModelConfig
from picochat.schema import Schema
from picochat.training.config import TrainConfig
from picochat.training.preset import preset_names
from picochat.web.schema import ChatRequest, CompletionRequest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "configuration.md"
LINES = PAGE.read_text(encoding="utf-8").splitlines()
SOURCES = [*(ROOT / "picochat").rglob("*.py")]
LITTLE = 1e-6
HEADINGS: dict[type[Schema], tuple[str, dict[str, Any]]] = {
    ChatSettings: ("## Chat and generate", {}),
    TrainConfig: ("## Training", {"data": Path("my.txt")}),
}
"""Where a schema's settings stand, and what must be given."""


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["reference"] = module
    spec.loader.exec_module(module)
    return module


def row(heading: str, first: str) -> list[str]:
    """The cells of the first row after a heading that begins so."""
    found = [line for line in LINES[LINES.index(heading) :] if line.startswith(f"| `{first}` |")]
    assert found, f"the page has no row for {first} after {heading}"
    return found[0].strip("| ").split(" | ")


def program_options() -> list[tuple[str, Any]]:
    """What Typer knows of all options of all commands, with the command's name."""
    known = []
    for name in PROGRAMS:
        app = importlib.import_module(f"picochat.cli.{'import_model' if name == 'import' else name}").app
        for command in [*app.registered_commands, *filter(None, [app.registered_callback])]:
            signature = inspect.signature(command.callback, eval_str=True)
            known += [
                (name, each) for parameter in signature.parameters.values() for each in get_args(parameter.annotation)[1:]
            ]
    return known


def test_the_page_is_what_the_generator_makes(reference: ModuleType) -> None:
    made = reference.page()
    assert PAGE.read_text(encoding="utf-8") == made, "run `python docs/reference.py`"


@pytest.mark.parametrize("schema", [ChatSettings, TrainConfig, ChatRequest, CompletionRequest])
def test_every_setting_is_there_with_what_its_schema_says_of_it(schema: type[Schema]) -> None:
    for name, info in schema.model_fields.items():
        assert info.description, name
        what, _, default = info.description.rstrip(".").partition("; default ")
        found = [line for line in LINES if line.startswith(f"| `{name}` |") and line.endswith(f" | {what}. |")]
        assert found, name
        if default:
            assert any(f" | {default.replace('<', '&lt;')} | " in line for line in found), name


def test_every_field_of_the_network_is_there_with_its_docstring(reference: ModuleType) -> None:
    for name, text in reference.attribute_docs(ModelConfig).items():
        assert text, f"{name} has no docstring"
        assert any(line.startswith(f"| `{name}` |") and line.endswith(f"| {text} |") for line in LINES), name


@pytest.mark.parametrize("schema", [ChatSettings, TrainConfig])
def test_bounds_are_those_that_are_checked(schema: type[Schema]) -> None:
    heading, given = HEADINGS[schema]
    checked = 0
    for name in schema.model_fields:
        values = row(heading, name)[1].replace("2^63 - 1", str(2**63 - 1))
        step = 1 if values.startswith("whole number") else LITTLE
        for word, bound in re.findall(r"(from|above|to|below) ([0-9.]+)", values):
            edge = float(bound) if step == LITTLE else int(bound)
            outside = edge - step if word in ("from", "above") else edge + step
            inside = {"above": edge + step, "below": edge - step}.get(word, edge)
            schema.parse({**given, name: inside})
            for wrong in [outside, *[edge] * (word in ("above", "below"))]:
                with pytest.raises(ConfigError, match=name.replace("_", "-")):
                    schema.parse({**given, name: wrong})
            checked += 1
    assert checked > 10


@pytest.mark.parametrize("schema", [ChatSettings, TrainConfig])
def test_defaults_are_those_of_the_schema(schema: type[Schema]) -> None:
    heading, given = HEADINGS[schema]
    for name, value in schema.parse(given).model_dump(mode="json", exclude={"data"}).items():
        if value not in (None, [], {}):
            shown = (
                ("on" if value else "off")
                if isinstance(value, bool)
                else f"{value:g}"
                if isinstance(value, float)
                else value
            )
            assert row(heading, name)[2].strip("`") == str(shown), name


def test_every_flag_of_a_setting_is_on_the_page() -> None:
    shown = "\n".join(LINES)
    for name in ("chat", "generate", "train", "serve", "web"):
        (command,) = importlib.import_module(f"picochat.cli.{name}").app.registered_commands
        for parameter in inspect.signature(command.callback, eval_str=True).parameters.values():
            for info in get_args(parameter.annotation)[1:]:
                for flag in "/".join([info.default, *info.param_decls]).split("/"):
                    assert f"`{flag}`" in shown, f"{name} {flag}"


def test_variables_are_those_that_the_program_reads() -> None:
    texts = {
        node.value
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    read = {name for text in texts for name in re.findall(r"PICOCHAT_[A-Z_]+[A-Z]", text)}
    of_options = {(str(info.envvar), name) for name, info in program_options() if getattr(info, "envvar", None)}
    read |= {variable for variable, _ in of_options}
    assert {name for line in LINES for name in re.findall(r"`(PICOCHAT_\w+)`", line)} == read
    for variable, command in of_options:
        assert command in re.split(r"\W+", row("## Environment variables", variable)[1]), f"{variable} of {command}"


def test_other_variables_are_heeded_somewhere(reference: ModuleType) -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    # NO_COLOR is Textual's
    for name in {name for names in reference.OTHERS for name in names.split()} - {"NO_COLOR"}:
        assert name in code, name


def test_commands_keys_presets_and_sizes_are_there() -> None:
    keys, recipes, sizes = "### Keys and commands", "### Presets", "### Sizes"
    for command in COMMANDS:
        cells = row(keys, command.usage)
        assert cells[2:] == [f"`{command.key}`" if command.key else "", command.help]
        assert all(f"`/{alias}`" in cells[1] for alias in command.aliases)
    for action in ACTIONS:
        assert row(keys, action.name)[-1] == action.help
    for name in preset_names():
        assert row(recipes, name)
    for name in PRESETS:
        assert row(sizes, name)
