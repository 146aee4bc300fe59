"""`picochat data`."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picochat.cli.terminal import note
from picochat.errors import ConfigError
from picochat.text.safe import printable

if TYPE_CHECKING:
    from picochat.datatools.settling import Tally

app = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)


class Form(str, Enum):
    """What `import` reads."""

    AUTO = "auto"
    SHAREGPT = "sharegpt"
    OPENAI = "openai"
    WHATSAPP = "whatsapp"
    DIALOGUE = "dialogue"


@app.callback()
def data(context: typer.Context) -> None:
    """Get data sets, and turn chats of other programs into training data."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command("list")
def list_sources(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")] = False) -> None:
    """List the data sets that `get` knows, with their size, licence and place."""
    from picochat.datatools.sources import SOURCES

    for source in SOURCES.values():
        facts = {"name": source.name, "bytes": source.size, "licence": source.licence, "where": source.where}
        if as_json:
            print(json.dumps({**facts, "about": source.about, "sha256": source.sha256, "needs": _extra(source.dataset)}))
            continue
        needs = f", needs {extra}" if (extra := _extra(source.dataset)) else ""
        print(f"{source.name}: {source.about}\n    {_size(source.size)}, {source.licence}{needs}\n    {source.where}")


@app.command()
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set that `picochat data list` shows.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="File or folder to write to. Default: NAME.txt or .jsonl here.", show_default=False
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Fetch a data set into a file that `picochat train --data` reads.

    The file is there whole or not at all. What is there already is not fetched again.
    """
    from picochat.cli.meter import Meter
    from picochat.datatools.fetching import fetch, place_for
    from picochat.datatools.sources import find_source

    source = find_source(name)
    path = place_for(source, out)
    with Meter(f"Fetching {source.name}") as meter:
        fetched = fetch(source, path, force=force, report=meter)
    if not fetched:
        note(f"{path} is there already; nothing to do.")
    note(f"Its licence: {source.licence} (see {source.where}).")
    note(_next(path))
    print(printable(f"{path}: {_size(path.stat().st_size)}"))


@app.command("import")
def import_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Chats of one or of several forms.")],
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="File to write: .jsonl, which holds any message, or .txt.", show_default=False),
    ],
    form: Annotated[Form, typer.Option("--format", help="What the files are. auto looks into each.")] = Form.AUTO,
    me: Annotated[
        str | None,
        typer.Option("--me", help="Who in a chat between people is the one to learn from.", show_default=False),
    ] = None,
    gap: Annotated[
        str, typer.Option("--gap", help="In WhatsApp chats, a pause this long begins a new conversation.")
    ] = "6h",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Turn chats of other programs into conversations to train on.

    Reads ShareGPT and OpenAI JSON or JSONL, ChatGPT's conversations.json, WhatsApp's exported .txt, and dialogue
    in lines like "Anna: Hello".
    """
    from picochat.datatools.importing import import_chats
    from picochat.schema import parse_duration

    try:
        seconds = parse_duration(gap)
    except ValueError as error:
        raise ConfigError(f"--gap must be {error}, not {gap!r}.") from None
    tally = import_chats(files, out, form=form.value, me=me, gap=seconds, force=force)
    for line in describe(tally, out):
        note(line)
    note(_next(out))


def describe(tally: Tally, out: Path) -> list[str]:
    """What came of an import, in a line or some."""
    lines = [f"{out}: {_count(tally.conversations, 'conversation')} of {_count(tally.messages, 'message')}."]
    if tally.assistant is not None:
        lines.append(f"The assistant is {tally.assistant}, all others are the user.")
    left_out = [("conversation", tally.conversations_left_out), ("message", tally.messages_left_out)]
    lines += [
        f"Left out: {_count(sum(counts.values()), what)}{_why(counts)}." for what, counts in left_out if any(counts.values())
    ]
    return lines


def _why(counts: Counter[str]) -> str:
    return ": " + ", ".join(f"{count:,} {reason}" for reason, count in counts.most_common() if count)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _size(count: int) -> str:
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"


def _extra(dataset: object) -> str | None:
    return "picochat[hf]" if dataset is not None else None


def _next(path: Path) -> str:
    return f"Train with: picochat train --data {shlex.quote(str(path))}"
