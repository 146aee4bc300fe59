"""`picochat info`."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from picochat.cli.options import ModelOption
from picochat.text.safe import printable

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def info(
    model: ModelOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what a model is made of: architecture, parameters by part, memory, tokenizer, training."""
    from picochat.interop.source import read_any
    from picochat.locations import default_model

    checkpoint = read_any(model or default_model())
    config, tokenizer = checkpoint.config, checkpoint.tokenizer
    if as_json:
        facts = {
            "architecture": config.architecture,
            "parameters": config.parameters,
            "vocab_size": config.vocab_size,
            "context": config.context,
            "tokenizer": tokenizer.kind,
            "training": checkpoint.training,
            "shape": config.to_dict(),
            "parameter_table": config.parameter_table(),
        }
        print(json.dumps(facts))
        return

    shape = f"{config.layers} layers, {config.heads} heads"
    if config.kv_heads != config.heads:
        shape += f" ({config.kv_heads} for keys and values)"
    _section(
        str(checkpoint.path),
        {
            "architecture": config.architecture,
            "shape": f"{shape}, width {config.dim}, feed-forward {config.ff_dim}",
            "switches": f"{config.norm}, {config.activation}, {config.position} positions"
            + (", normalised queries and keys" if config.qk_norm else "")
            + (", tied head" if config.tied else ", untied head"),
            "context": f"{config.context:,} tokens",
            "tokenizer": f"{tokenizer.kind}, {tokenizer.vocab_size:,} tokens",
        },
    )
    table: dict[str, Any] = {name: f"{count:>12,}" for name, count in config.parameter_table().items()}
    _section("parameters", {**table, "total": f"{config.parameters:>12,}"})
    weights = config.parameters * 4
    _section(
        "memory in fp32",
        {
            "weights": _megabytes(weights),
            "gradients": f"{_megabytes(weights)}  (training)",
            "optimizer": f"{_megabytes(2 * weights)}  (training)",
            "cache": f"{_megabytes(config.cache_bytes())}  (one full window)",
        },
    )
    if checkpoint.training:
        _section("training", {name: _plain(value) for name, value in checkpoint.training.items()})


def _section(title: str, rows: dict[str, Any]) -> None:
    width = max(map(len, rows))
    print(printable(title))
    for name, value in rows.items():
        print(printable(f"  {name:<{width}}  {value}"))
    print()


def _megabytes(count: int) -> str:
    return f"{count / 1e6:>8.1f} MB"


def _plain(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
