"""`picochat import`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from picochat.errors import OutputError
from picochat.text.safe import printable

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def import_model(
    source: Annotated[
        str, typer.Argument(help="A Hugging Face folder, ORG/NAME on its hub, or a GGUF file.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Model file to write.", show_default=False)],
    context: Annotated[
        int | None,
        typer.Option("--context", min=1, help="Shorten the window: its cache takes less memory.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a picochat model of one from elsewhere, with its tokenizer and its format of turns.

    GPT-2, Llama and Qwen3 are read. Weights of 32 or 16 bits are kept as they are; those of a GGUF file with fewer bits
    become fp32.
    """
    if out.exists() and not (force and out.is_file()):
        raise OutputError(f"{out} is there already; give another name, or --force to write over it.")

    from picochat.interop.source import read_any, shortened

    checkpoint = read_any(source)
    if context is not None:
        checkpoint = shortened(checkpoint, context)
    checkpoint.save(out)
    config = checkpoint.config
    facts = {
        "file": str(out),
        "bytes": out.stat().st_size,
        "architecture": config.architecture,
        "parameters": config.parameters,
        "vocab_size": config.vocab_size,
        "context": config.context,
        "kind": checkpoint.training.get("kind"),
    }
    if as_json:
        print(json.dumps(facts))
        return
    print(printable(str(out)))
    kind = "chats" if facts["kind"] == "chat" else "goes on with a text"
    note = f"{config.architecture}, {config.parameters / 1e6:,.1f}M parameters, context {config.context:,}; it {kind}"
    print(printable(note), file=sys.stderr)
