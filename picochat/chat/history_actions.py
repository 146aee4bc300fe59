"""The slash commands for saved conversations."""

from __future__ import annotations

from picochat.chat.commands import Command, FrontEnd
from picochat.chat.completion import as_path, complete_conversation, complete_export
from picochat.chat.export import local_time, to_json, to_markdown
from picochat.chat.recorder import Recorder
from picochat.chat.session import ChatSession
from picochat.errors import OutputError, PicochatError
from picochat.files import write_text

LISTED = 20


def require_recorder(session: ChatSession) -> Recorder:
    """What saves the chat; raises `PicochatError` where nothing does."""
    recorder = session.recorder
    if recorder is None:
        raise PicochatError("This chat is not saved; start it without --no-history to keep conversations.")
    return recorder


def _history(front_end: FrontEnd, argument: str) -> None:
    store = require_recorder(front_end.session).store
    if argument:
        rows = [f"{hit.conversation:>5}  {hit.title}: {hit.snippet}" for hit in store.search(argument, LISTED)]
    else:
        rows = [
            f"{summary.id:>5}  {local_time(summary.updated)}  {summary.messages:>3} messages  "
            f"{summary.title}{summary.origin}"
            for summary in store.list(LISTED)
        ]
    front_end.say("\n".join(rows) if rows else "Nothing is saved yet." if not argument else f"Nothing with '{argument}'.")


def _resume(front_end: FrontEnd, argument: str) -> None:
    recorder = require_recorder(front_end.session)
    recorder.resume(front_end.session, _number("/resume", argument) if argument else None)
    front_end.conversation_changed()
    front_end.settings_changed()


def _branch(front_end: FrontEnd, argument: str) -> None:
    recorder, session = require_recorder(front_end.session), front_end.session
    if session.mode == "single":
        raise PicochatError("A single prompt has no branches, as nothing is remembered; /mode conversation comes first.")
    entries = session.conversation.entries
    position, parent, question = len(entries), recorder.require_current(), ""
    if argument:
        position = _number("/branch", argument, "message") - 1
        if not 0 <= position < len(entries):
            raise PicochatError(f"There is no message {argument}; this conversation has {len(entries)}.")
        # an answer belongs to what it answers
        while position and entries[position].message.role != "user":
            position -= 1
        question = entries[position].message.content
    new = recorder.branch(session, position)
    front_end.conversation_changed()
    front_end.say(f"This is conversation {new}, a branch of {parent}, which stays as it was.")
    if question:
        front_end.edit(question)


def _delete(front_end: FrontEnd, argument: str) -> None:
    recorder, session = require_recorder(front_end.session), front_end.session
    number = _number("/delete", argument) if argument else recorder.require_current(session.mode)
    title = recorder.store.load(number).title
    if not argument:
        front_end.say(f"This is conversation {number}, '{title}'; /delete {number} deletes it for good.")
    elif recorder.delete(session, number):
        front_end.clear()
        front_end.say(f"Conversation {number}, '{title}', is deleted; what comes now is a new one.")
    else:
        front_end.say(f"Conversation {number}, '{title}', is deleted.")


def _rename(front_end: FrontEnd, argument: str) -> None:
    recorder = require_recorder(front_end.session)
    recorder.store.rename(recorder.require_current(front_end.session.mode), argument)
    front_end.say(f"This conversation is now called '{argument}'." if argument else "Its first words are its name again.")


def _export(front_end: FrontEnd, argument: str) -> None:
    recorder = require_recorder(front_end.session)
    conversation = recorder.store.load(recorder.require_current(front_end.session.mode))
    path = as_path(argument)
    if path.exists():
        raise OutputError(f"{path} is there already; choose another name.")
    write_text(path, to_json(conversation) if path.suffix in (".json", ".jsonl") else to_markdown(conversation))
    front_end.say(f"Written to {path}.")


def _number(command: str, text: str, what: str = "conversation") -> int:
    try:
        return int(text)
    except ValueError:
        where = ", as /history lists them" if what == "conversation" else ", counted from 1"
        raise PicochatError(f"{command} needs the number of a {what}{where}.") from None


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
    Command(
        "branch",
        "Go on in a copy, from here or from before a message; the original stays.",
        _branch,
        "[message]",
        while_answering=False,
    ),
    Command("rename", "Give this conversation a name.", _rename, "name"),
    Command(
        "delete",
        "Delete a saved conversation, by its number.",
        _delete,
        "[number]",
        while_answering=False,
        complete=complete_conversation,
    ),
    Command(
        "export",
        "Write this conversation to a file: .md, or .json and .jsonl.",
        _export,
        "path",
        complete=complete_export,
    ),
    Command(
        "chats",
        "Find a saved conversation and go on with it.",
        lambda front_end, _: front_end.choose_conversation(),
        aliases=("conversations",),
        while_answering=False,
        key="ctrl+o",
    ),
]
