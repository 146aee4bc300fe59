"""`picochat history`."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from picochat.errors import HistoryError, OutputError

if TYPE_CHECKING:
    from picochat.chat.store import ConversationStore

MANY = 1_000_000_000

app = typer.Typer(add_completion=False, rich_markup_mode=None, invoke_without_command=True)


class Format(str, Enum):
    """What `export` writes."""

    MARKDOWN = "md"
    JSON = "json"


IdArgument = Annotated[int, typer.Argument(metavar="ID", help="Number of the conversation, as `list` shows it.")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=MANY, help="How many to show.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print a JSON object a line.")]


@app.callback()
def history(context: typer.Context) -> None:
    """List, search, export and delete saved conversations."""
    if context.invoked_subcommand is None:
        print(context.get_help())


@app.command("list")
def list_conversations(limit: LimitOption = 50, as_json: JsonOption = False) -> None:
    """List conversations, the one changed last first."""
    from picochat.chat.export import local_time, timestamp

    with _store() as store:
        for entry in store.list(limit):
            if as_json:
                times = {"created": timestamp(entry.created), "updated": timestamp(entry.updated)}
                origin = {"mode": entry.mode, "parent": entry.parent}
                _print_json({"id": entry.id, "title": entry.title, "messages": entry.messages, **origin, **times})
            else:
                count = f"{entry.messages} message{'s' * (entry.messages != 1)}"
                _print(f"{entry.id:>5}  {local_time(entry.updated)}  {count:>13}  {_line(entry.title)}{entry.origin}")


@app.command()
def show(conversation: IdArgument, as_json: JsonOption = False) -> None:
    """Print a conversation."""
    from picochat.chat.export import SPEAKERS, to_json

    with _store() as store:
        stored = store.load(conversation)
    if as_json:
        _print(to_json(stored))
        return
    said = [(message.role, message.content) for message in stored.messages]
    if stored.system:
        said.insert(0, ("system", stored.system))
    _print("\n\n".join(f"{SPEAKERS[role]}: {content}" for role, content in said))


@app.command()
def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Words that a message must hold, all of them.")],
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """Find messages, the newest first; the last word may be the beginning of one."""
    from picochat.chat.export import SPEAKERS, local_time, timestamp

    with _store() as store:
        for hit in store.search(text, limit):
            if as_json:
                place = {"conversation": hit.conversation, "position": hit.position, "role": hit.role}
                _print_json({**place, "title": hit.title, "snippet": hit.snippet, "created": timestamp(hit.created)})
            else:
                _print(f"{hit.conversation:>5}  {local_time(hit.created)}  {SPEAKERS[hit.role]:>8}: {_line(hit.snippet)}")


@app.command()
def export(
    conversation: IdArgument,
    form: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="md or json. Default: what --out ends with, or md.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write. Default: stdout.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a conversation as Markdown, or as JSON that `picochat train` reads when the file ends with .jsonl."""
    from picochat.chat.export import to_json, to_markdown
    from picochat.files import write_text

    if form is None:
        form = Format.JSON if out is not None and out.suffix in (".json", ".jsonl") else Format.MARKDOWN
    with _store() as store:
        stored = store.load(conversation)
    text = to_json(stored) if form is Format.JSON else to_markdown(stored).rstrip("\n")
    if out is None:
        _print(text)
        return
    if not force and os.path.lexists(out):
        raise OutputError(f"{out} is there already; name another file, or add --force to replace it.")
    write_text(out, f"{text}\n")
    print(f"Conversation {conversation} is in {out}.", file=sys.stderr)


@app.command()
def delete(
    conversation: IdArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete a conversation for good."""
    with _store() as store:
        stored = store.load(conversation)
        if not yes:
            if not sys.stdin.isatty():
                raise HistoryError("Deleting asks first, and there is no terminal to ask on; add --yes.")
            title = _safe(_line(stored.title), always=True)
            if not typer.confirm(f"Delete conversation {conversation}, {title!r}?", err=True):
                print("It stays.", file=sys.stderr)
                raise typer.Exit(1)
        store.delete(conversation)
    print(f"Conversation {conversation} is deleted.", file=sys.stderr)


@contextlib.contextmanager
def _store() -> Iterator[ConversationStore]:
    from picochat.chat.store import ConversationStore
    from picochat.locations import history_database

    path = history_database()
    try:
        # looking for conversations is no reason to make a file
        store = ConversationStore(path if path.exists() else None)
    except OSError:  # a folder that can't be looked into: the store says so
        store = ConversationStore(path)
    try:
        if store.notice:
            print(f"picochat: {store.notice}", file=sys.stderr)
        yield store
    finally:
        store.close()


def _line(text: str) -> str:
    return " ".join(text.split())


def _print(text: str) -> None:
    print(_safe(text))


def _print_json(facts: dict[str, Any]) -> None:
    print(json.dumps(facts))


def _safe(text: str, *, always: bool = False) -> str:
    """Text that stdout can take: on a terminal nothing but text, elsewhere all that its encoding holds."""
    from picochat.text.safe import printable

    encoding = sys.stdout.encoding or "utf-8"
    text = text.encode(encoding, "replace").decode(encoding)
    return printable(text) if always or sys.stdout.isatty() else text
