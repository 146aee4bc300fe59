"""`picochat export`."""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from picochat.cli.options import ModelOption
from picochat.text.safe import printable

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Target(str, Enum):
    """What can be written."""

    HF = "hf"


class Weights(str, Enum):
    """Types of weights."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="Folder to write; a new one.", show_default=False)],
    model: ModelOption = None,
    to: Annotated[Target, typer.Option("--to", help="For which programs: hf is a Hugging Face folder.")] = Target.HF,
    dtype: Annotated[Weights, typer.Option("--dtype", help="Type of the weights.")] = Weights.FLOAT32,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Load the result with the other program, and compare.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a model for other programs.

    The result is loaded by the program that it is for, and must compute the same; else nothing is kept.
    """
    from picochat.inference.settings import SamplingSettings
    from picochat.interop.hf import write_hf
    from picochat.interop.source import read_any
    from picochat.locations import default_model

    drawn = SamplingSettings()
    sampling = {"do_sample": True, "temperature": drawn.temperature, "top_k": drawn.top_k, "top_p": drawn.top_p}
    checkpoint = read_any(model or default_model())
    facts = {"folder": str(out), **write_hf(checkpoint, out, dtype=dtype.value, sampling=sampling, check=check)}
    if as_json:
        print(json.dumps(facts))
        return
    print(printable(str(out)))
    note = f"{facts['architecture']}, {facts['parameters'] / 1e6:,.1f}M parameters, {facts['bytes'] / 1e6:,.1f} MB"
    checked = f"; transformers computes the same (difference {facts['checked']['difference']:.1g})" if check else ""
    print(note + checked, file=sys.stderr)
