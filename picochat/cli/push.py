"""`picochat push`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from picochat import __version__
from picochat.cli.options import GgufKind, ModelOption
from picochat.errors import ConfigError, OutputError
from picochat.text.safe import printable

if TYPE_CHECKING:
    from picochat.interop.hub import Hub, Kind

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def push(
    name: Annotated[str, typer.Argument(help="NAME or OWNER/NAME on the Hugging Face hub.", show_default=False)],
    model: ModelOption = None,
    gguf: Annotated[
        GgufKind | None, typer.Option("--gguf", help="Add a GGUF file with matrices of that kind.", show_default=False)
    ] = None,
    space: Annotated[bool, typer.Option("--space", help="Also make a Space: a page to chat with the model.")] = False,
    private: Annotated[bool, typer.Option("--private", help="New pages are for you alone.")] = False,
    update: Annotated[bool, typer.Option("--update", help="Put the files into pages that are there already.")] = False,
    dry_run: Annotated[
        Path | None,
        typer.Option(
            "--dry-run", metavar="DIR", help="Only write what would be pushed to a new folder.", show_default=False
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            help="Token that may write. Default: HF_TOKEN, or that of `hf auth login`; others can read a command line.",
            show_default=False,
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Load the results with the other programs first, and compare.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Put a model onto the Hugging Face hub: for transformers, for picochat and, with --gguf, for llama.cpp.

    Its page tells the facts of its training. Nothing is uploaded before all is written and checked.
    """
    from picochat.interop.hub import Hub, check_name

    check_name(name)
    hub = None
    if dry_run is None:
        # a wrong token is told before the work begins
        hub = Hub(token)
        name = hub.full_name(name)
    elif token is not None or private or update:
        raise ConfigError("--dry-run uploads nothing, and can't go with --token, --private or --update.")
    elif dry_run.is_file() or (dry_run.is_dir() and any(dry_run.iterdir())):
        raise OutputError(f"{dry_run} is there already and holds something; give a new folder.")

    from picochat.files import atomic_folder
    from picochat.inference.settings import ELSEWHERE
    from picochat.interop.publish import write_pages
    from picochat.interop.source import read_any
    from picochat.locations import default_model

    sampling = {"do_sample": True, **ELSEWHERE}
    wishes: dict[str, Any] = {"gguf": gguf and gguf.value, "space": space, "sampling": sampling, "check": check}
    checkpoint = read_any(model or default_model())
    with TemporaryDirectory(prefix="picochat-push-") if dry_run is None else atomic_folder(dry_run) as folder:
        folders = write_pages(checkpoint, Path(folder), name, **wishes)
        places = {kind: str((dry_run or Path(folder)) / kind) for kind in folders}
        if hub is not None:
            places = _upload(hub, folders, name, private=private, update=update)
    if as_json:
        print(json.dumps({"name": name, "pushed": hub is not None, **places}))
        return
    print(*map(printable, places.values()), sep="\n")
    if hub is None:
        print(f"Nothing was uploaded; `picochat push {name}` does that.", file=sys.stderr)
    if space:
        print(f"The Space installs picochat {__version__} from Python's package index when it is built.", file=sys.stderr)


def _upload(hub: Hub, folders: dict[str, Path], name: str, *, private: bool, update: bool) -> dict[str, str]:
    """Make all pages, then fill them; returns their addresses."""
    kinds: list[Kind] = ["space", "model"] if "space" in folders else ["model"]
    # a Space is what may not be had
    places = {kind: hub.create(name, kind, private=private, update=update) for kind in kinds}
    for kind in reversed(kinds):
        hub.upload(folders[kind], name, kind, quiet=not sys.stderr.isatty())
    return {kind: places[kind] for kind in folders}  # type: ignore[index]
