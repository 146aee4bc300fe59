"""Command-line options made from the settings schemas, so that help, bounds and defaults are written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from picochat.errors import ConfigError
from picochat.inference.settings import SamplingSettings
from picochat.schema import Schema


def option(schema: type[Schema], field: str, *names: str, **extra: Any) -> Any:
    """A Typer option for one field of a schema; its default is `None`, "not given"."""
    info = schema.model_fields[field]
    help_text = (info.description or "").replace("; default", ". Default")
    if info.default not in (None, ()) and not info.is_required():
        help_text += f" [default: {info.default}]"
    if issubclass(schema, SamplingSettings):
        extra.setdefault("envvar", f"PICOCHAT_{field.upper()}")
    flags = names or (f"--{field.replace('_', '-')}",)
    return typer.Option(*flags, help=help_text, show_default=False, **extra)


def given(**values: Any) -> dict[str, Any]:
    """Only the options that were given."""
    return {name: value for name, value in values.items() if value not in (None, [], ())}


def parse_duration(text: str) -> float:
    """Seconds of "90s", "10m", "2h", "1h30m" or a bare number of seconds.

    Raises:
        ConfigError: anything else.
    """
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
    seconds, number = 0.0, ""
    try:
        for character in text.strip().lower():
            if character in units:
                seconds += float(number) * units[character]
                number = ""
            else:
                number += character
        seconds += float(number) if number else 0.0
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise ConfigError(f"A time is written like 90s, 10m or 2h, not {text!r}.")
    return seconds


ModelOption = Annotated[
    Path | None,
    typer.Option("--model", "-m", help="Model file or run folder. Default: the shipped model.", show_default=False),
]
DeviceOption = Annotated[str, typer.Option("--device", "-d", help="auto, cpu, cuda or mps.")]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, max=1024, help="CPU threads. Default: all cores.", show_default=False)
]
