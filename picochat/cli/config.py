"""`picochat config`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from picochat.cli.options import SectionedCommand, options_of
from picochat.cli.train import OPTION_NAMES, ConfigOption, settings_given
from picochat.errors import ConfigError
from picochat.text.safe import printable
from picochat.training.config import SECTIONS, TrainConfig
from picochat.training.preset import preset_names, preset_summary

COMMENT_COLUMN = 28
NOT_GIVEN = {"data": Path("my.txt")}
"""What a run must be told and a listing need not."""

app = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)


@app.callback()
def config(context: typer.Context) -> None:
    """List, show and check the settings of a training."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command()
def presets() -> None:
    """List the recipes that --preset takes: name, parameters, what for."""
    for name in preset_names():
        settings = TrainConfig.parse({**NOT_GIVEN, "preset": name})
        shape = settings.model_config_for(settings.vocab_size)
        print(f"{name:<12} {_millions(shape.parameters):>7}  {preset_summary(name)}")


@app.command(cls=SectionedCommand)
@options_of(TrainConfig, names=OPTION_NAMES, sections=SECTIONS)
def show(
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    **settings: Any,
) -> None:
    """Print all settings of a run, as YAML that --config takes.

    The options are those of `picochat train`.
    """
    values = settings_given(config, settings)
    whole = TrainConfig.parse({**NOT_GIVEN, **values})
    if as_json:
        print(json.dumps(whole.to_plain() | ({} if "data" in values else {"data": None})))
    else:
        print("\n".join(_listing(whole, left_out=set(NOT_GIVEN) - set(values))))


@app.command()
def check(file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML file of settings.")]) -> None:
    """Say whether a file of settings is fine, and what network it makes."""
    settings = TrainConfig.parse({**NOT_GIVEN, **TrainConfig.read(file)})
    try:
        shape = settings.model_config_for(settings.vocab_size)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None
    network = f"{shape.layers} layers, {shape.heads} heads, width {shape.dim}, context {shape.context:,}"
    size = f"{_millions(shape.parameters)} parameters with a vocabulary of {shape.vocab_size:,}"
    print(printable(f"{file} is fine: {shape.architecture} network of {network}; {size}."))


def _listing(settings: TrainConfig, *, left_out: set[str]) -> Iterator[str]:
    """The lines of a YAML file, each setting with its description; those in `left_out` are comments."""
    for name, value in settings.to_plain().items():
        if name in SECTIONS:
            yield f"# {SECTIONS[name]}"
        line = f"{'# ' * (name in left_out)}{name}: {_in_one_line(value)}"
        yield f"{line:<{COMMENT_COLUMN}}  # {TrainConfig.model_fields[name].description}"


def _in_one_line(value: Any) -> str:
    style = '"' if isinstance(value, str) and "\n" in value else None
    dumped: str = yaml.safe_dump(value, default_flow_style=True, default_style=style, width=float("inf"))
    return dumped.removesuffix("\n").removesuffix("\n...")


def _millions(count: int) -> str:
    return f"{count / 1e6:.1f}M"
