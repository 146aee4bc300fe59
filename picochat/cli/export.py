"""`picochat export`."""

from __future__ import annotations

import json
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from picochat.cli.options import GgufKind, ModelOption
from picochat.errors import ConfigError, OutputError
from picochat.text.safe import printable

if TYPE_CHECKING:
    from picochat.checkpoint import Checkpoint

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Target(str, Enum):
    """What can be written."""

    HF = "hf"
    GGUF = "gguf"
    OLLAMA = "ollama"
    ONNX = "onnx"


class Weights(str, Enum):
    """Types of weights."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


class Precision(str, Enum):
    """How an ONNX graph stores matrices."""

    FP32 = "fp32"
    INT8 = "int8"
    INT4 = "int4"


_STORED: dict[Target, tuple[str, str]] = {
    Target.HF: ("dtype", "float32"),
    Target.GGUF: ("kind", "f16"),
    Target.OLLAMA: ("kind", "f16"),
    Target.ONNX: ("precision", "fp32"),
}
"""The option that says how weights are stored, and its default."""


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="File (gguf) or folder to write; a new one.", show_default=False)],
    model: ModelOption = None,
    to: Annotated[
        Target,
        typer.Option(
            "--to",
            help="hf: a folder for transformers, vLLM and others. gguf: a file for llama.cpp and LM Studio. "
            "ollama: a folder for `ollama create`. onnx: a folder for ONNX Runtime.",
        ),
    ] = Target.HF,
    dtype: Annotated[
        Weights | None, typer.Option("--dtype", help="hf: type of the weights. Default: float32.", show_default=False)
    ] = None,
    kind: Annotated[
        GgufKind | None,
        typer.Option("--kind", help="gguf and ollama: how matrices are stored. Default: f16.", show_default=False),
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option("--precision", help="onnx: how matrices are stored. Default: fp32.", show_default=False),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Load the result with the other program, and compare.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a model for other programs.

    The result is loaded by the program that it is for, and must compute the same; else nothing is kept.
    """
    option, default = _STORED[to]
    typed = {"dtype": dtype, "kind": kind, "precision": precision}
    for name, value in typed.items():
        if value is not None and name != option:
            raise ConfigError(f"--{name} does not go with --to {to.value}, which takes --{option}; leave it out.")
    if out.is_file() or (out.is_dir() and (to is Target.GGUF or any(out.iterdir()))):
        raise OutputError(f"{out} is there already; give another name.")

    from picochat.interop.source import read_any
    from picochat.locations import default_model

    chosen = typed[option]
    stored = chosen.value if chosen is not None else default
    checkpoint = read_any(model or default_model())
    checked, note = _write(checkpoint, out, to, stored, check)
    config = checkpoint.config
    size = sum(path.stat().st_size for path in ([out] if out.is_file() else out.iterdir()))
    facts = {
        "to": to.value,
        "path": str(out),
        "architecture": config.architecture,
        "parameters": config.parameters,
        option: stored,
        "bytes": size,
        "checked": checked,
    }
    if as_json:
        print(json.dumps(facts))
        return
    print(printable(str(out)))
    shape = f"{config.architecture}, {config.parameters / 1e6:,.1f}M parameters, {stored}, {size / 1e6:,.1f} MB"
    print(printable(f"{shape}; {note}" if note else shape), file=sys.stderr)


def _write(checkpoint: Checkpoint, out: Path, to: Target, stored: str, check: bool) -> tuple[dict[str, Any] | None, str]:
    """Write it; what the check measured, as facts and in words."""
    from dataclasses import asdict

    from picochat.inference.settings import ELSEWHERE

    if to is Target.HF:
        from picochat.interop.hf import write_hf

        checked = write_hf(checkpoint, out, dtype=stored, sampling={"do_sample": True, **ELSEWHERE}, check=check)["checked"]
        return checked, f"transformers computes the same (difference {checked['difference']:.1g})" if checked else ""
    if to is Target.ONNX:
        from picochat.interop.onnx_folder import write_onnx_folder

        result: Any = write_onnx_folder(checkpoint, out, stored, check=check)  # type: ignore[arg-type]
    elif to is Target.GGUF:
        from picochat.interop.gguf_write import write_gguf

        result = write_gguf(checkpoint, out, stored, name=out.stem, check=check)
    else:
        from picochat.interop.ollama import write_ollama

        result = write_ollama(checkpoint, out, stored, sampling={**ELSEWHERE, "repeat_penalty": 1.0}, check=check)
    return (asdict(result), str(result)) if result is not None else (None, "")
