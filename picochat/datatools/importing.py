"""Chats of other programs, read and written as conversations that `picochat train` learns from.

Chats of people are read twice: who speaks, and how dates are written, shows only at the end. Records of JSON are read once.
In both no more than one conversation is in memory.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from picochat.datatools import dialogue, openai, sharegpt, whatsapp
from picochat.datatools.json_records import read_records
from picochat.datatools.settling import Tally, settle
from picochat.datatools.speakers import choose_assistant
from picochat.datatools.writing import SUFFIXES, as_jsonl, as_text
from picochat.errors import ConfigError, DataError, OutputError
from picochat.files import atomic_write
from picochat.text.chat_format import Message, Role
from picochat.text.reading import format_suffix, read_blocks

Form = Literal["auto", "sharegpt", "openai", "whatsapp", "dialogue"]
GAP = 6 * 3600.0
"""Seconds of silence after which a WhatsApp chat begins a new conversation."""
_RECORDS = {"sharegpt": sharegpt, "openai": openai}
_OPENING = 65_536
_NOT_TEXT = 'that .txt can\'t hold (a blank line, or one like "User:", in a message, or a weight of 0; .jsonl can)'

Talk = list[tuple[str, str]]


def import_chats(
    files: Sequence[Path], out: Path, *, form: Form = "auto", me: str | None = None, gap: float = GAP, force: bool = False
) -> Tally:
    """Write the conversations of `files` to `out`, `.jsonl` or `.txt`; returns what came of it.

    Args:
        form: what all the files are; each is looked into for `"auto"`.
        me: who among the people of a chat is the assistant.
        gap: seconds of silence after which a WhatsApp chat begins a new conversation.
        force: replace a file that is there.

    Raises:
        ConfigError: `out` has another suffix, or it is not said who is the assistant.
        DataError: a file is unreadable, malformed or of no known form, or there is no conversation in any.
        OutputError: `out` is there already, or can't be written.
    """
    _check(files, out, force)
    forms = {file: _form_of(file) if form == "auto" else form for file in files}
    chats: dict[Path, whatsapp.Survey | dialogue.Survey] = {}
    for file, its in forms.items():
        if its in ("whatsapp", "dialogue"):
            chats[file] = whatsapp.survey(file) if its == "whatsapp" else dialogue.survey(file)
    tally = Tally()
    if chats:
        speakers = sum((survey.speakers for survey in chats.values()), Counter[str]())
        tally.assistant = choose_assistant(
            speakers, me, " and ".join(map(str, list(chats)[:2])) + ", ..." * (len(chats) > 2)
        )
    elif me is not None:
        raise ConfigError("--me is for chats between people; here each message says whether it is the assistant's.")
    with atomic_write(out) as stream:
        for file in files:
            if file in chats:
                talks = _talks(file, chats[file], gap, tally)
                conversations: Iterator[Iterable[Message]] = (_roles(talk, tally.assistant) for talk in talks)
            else:
                conversations = _recorded(file, forms[file], tally)
            for conversation in conversations:
                stream.write(_written(settle(conversation, tally), out.suffix, tally).encode())
        if not tally.conversations:
            raise DataError(f"There is no conversation to learn from in {', '.join(map(str, files))}{_reasons(tally)}.")
    return tally


def _check(files: Sequence[Path], out: Path, force: bool) -> None:
    if out.suffix not in SUFFIXES:
        raise ConfigError(f"Conversations are written as {' or '.join(SUFFIXES)}; give -o such a name, not {out.name!r}.")
    if os.path.lexists(out):
        if any(file.exists() and out.exists() and file.samefile(out) for file in files):
            raise OutputError(f"{out} is one of the files to read; name another file with -o.")
        if not force:
            raise OutputError(f"{out} is there already; name another file with -o, or add --force to replace it.")


def _form_of(file: Path) -> str:
    """What a file holds, by its beginning: "auto" for JSON, whose every record shows it."""
    if format_suffix(file) == ".zip":
        raise DataError(f"{file} is an archive; unpack it and name the .txt or .json file in it.")
    opening = ""
    for block in read_blocks(file):
        opening += block
        if len(opening) > _OPENING:
            break
    if not opening.strip():
        raise DataError(f"{file} is empty.")
    if whatsapp.is_chat(opening):
        return "whatsapp"
    if format_suffix(file) in (".json", ".jsonl", ".ndjson") or opening.lstrip()[0] in "[{":
        return "auto"
    return "dialogue"


def _talks(file: Path, found: whatsapp.Survey | dialogue.Survey, gap: float, tally: Tally) -> Iterator[Talk]:
    if isinstance(found, whatsapp.Survey):
        return whatsapp.read(file, found.day_first, gap, tally)
    return dialogue.read(file, found, tally)


def _roles(talk: Talk, assistant: str | None) -> Iterator[Message]:
    """One side is the assistant, all others are the user, but for a speaker of that very name."""
    for name, text in talk:
        role: Role = "assistant" if name == assistant else "system" if name.casefold() == "system" else "user"
        yield Message(role, text)


def _recorded(file: Path, form: str, tally: Tally) -> Iterator[Iterable[Message]]:
    for place, record in read_records(file):
        with _told(place, form):
            if not isinstance(record, dict):
                raise TypeError("a conversation must be an object")
            reader = _RECORDS["sharegpt" if form == "auto" and "conversations" in record else "openai"]
            if form != "auto":
                reader = _RECORDS[form]
            messages = list(reader.read_record(record, tally))
        yield messages


@contextlib.contextmanager
def _told(place: str, form: str) -> Iterator[None]:
    """Say where a record stands that is none."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, DataError) as error:
        shapes = " or ".join(reader.SHAPE for name, reader in _RECORDS.items() if form in ("auto", name))
        reason = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise DataError(f"{place}: expected {shapes} ({reason}).") from None


def _written(messages: tuple[Message, ...], suffix: str, tally: Tally) -> str:
    if not messages:
        return ""
    text = as_jsonl(messages) if suffix == ".jsonl" else as_text(messages)
    if text is None:
        tally.conversations_left_out[_NOT_TEXT] += 1
        return ""
    tally.conversations += 1
    tally.messages += len(messages)
    return text


def _reasons(tally: Tally) -> str:
    reasons = [f"{count:,} {reason}" for reason, count in tally.conversations_left_out.items()]
    return f": {', '.join(reasons)}" if reasons else ""
