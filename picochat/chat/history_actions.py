"""The slash commands for saved conversations."""

from __future__ import annotations

from pathlib import Path

from picochat.chat.commands import Command, FrontEnd
from picochat.chat.completion import complete_conversation, complete_export
from picochat.chat.export import timestamp, to_json, to_markdown
from picochat.chat.recorder import Recorder
from picochat.errors import OutputError, PicochatError
from picochat.files import write_text

LISTED = 20


def _recorder(front_end: FrontEnd) -> Recorder:
    recorder = front_end.session.recorder
    if recorder is None:
        raise PicochatError("This chat is not saved; start it without --no-history to keep conversations.")
    return recorder


def _history(front_end: FrontEnd, argument: str) -> None:
    store = _recorder(front_end).store
    if argument:
        rows = [f"{hit.conversation:>5}  {hit.title}: {hit.snippet}" for hit in store.search(argument, LISTED)]
    else:
        rows = [
            f"{summary.id:>5}  {timestamp(summary.updated)}  {summary.messages:>3} messages  {summary.title}"
            for summary in store.list(LISTED)
        ]
    front_end.say("\n".join(rows) if rows else "Nothing is saved yet." if not argument else f"Nothing with '{argument}'.")


def _resume(front_end: FrontEnd, argument: str) -> None:
    recorder = _recorder(front_end)
    if argument and not argument.isdigit():
        raise PicochatError("/resume needs the number of a conversation, as /history lists them.")
    recorder.resume(front_end.session, int(argument) if argument else None)
    front_end.conversation_changed()
    front_end.settings_changed()


def _rename(front_end: FrontEnd, argument: str) -> None:
    recorder = _recorder(front_end)
    recorder.store.rename(recorder.require_current(), argument)
    front_end.say(f"This conversation is now called '{argument}'." if argument else "Its first words are its name again.")


def _export(front_end: FrontEnd, argument: str) -> None:
    recorder = _recorder(front_end)
    conversation = recorder.store.load(recorder.require_current())
    path = Path(argument).expanduser()
    if path.exists():
        raise OutputError(f"{path} is there already; choose another name.")
    write_text(path, to_json(conversation) if path.suffix in (".json", ".jsonl") else to_markdown(conversation))
    front_end.say(f"Written to {path}.")


HISTORY_COMMANDS = [
    Command("history", "List saved conversations, or search them.", _history, "[text]"),
    Command(
        "resume",
        "Go on with a saved conversation; without a number, the last one.",
        _resume,
        "[number]",
        while_answering=False,
        complete=complete_conversation,
    ),
    Command("rename", "Give this conversation a name.", _rename, "name"),
    Command(
        "export",
        "Write this conversation to a file: .md, or .json and .jsonl.",
        _export,
        "path",
        complete=complete_export,
    ),
]
