"""What the argument of a command may become: settings, names and saved conversations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from picochat.chat.fuzzy import SCATTERED, match, ranked
from picochat.chat.session import ChatSession
from picochat.chat.settings import PRESETS, ChatSettings, choices, is_optional

OFFERED = 50
"""More are never needed: a few more letters find them."""

RECENT = 200
"""Saved conversations among which a title is looked for."""

EXPORTED = (".md", ".json", ".jsonl")
"""The files that a conversation can be written to."""


@dataclass(frozen=True)
class Completion:
    """One way to complete an argument.

    Attributes:
        value: the whole argument. One that ends with a slash or a space is only a step on the way.
        detail: what to know about it.
        marks: which letters of the value were typed.
        more: where there is more to know that takes longer: called on another thread, it returns the whole detail.
    """

    value: str
    detail: str = ""
    marks: tuple[int, ...] = ()
    more: Callable[[], str] | None = field(default=None, compare=False)

    @property
    def final(self) -> bool:
        """Whether the command can run with it."""
        return not self.value.endswith(("/", " "))


Completer = Callable[[ChatSession, str], list[Completion]]


def choose(typed: str, choices: Iterable[Completion], before: str = "") -> list[Completion]:
    """The choices that match what was typed, best first and marked; `before` is put in front of each value."""
    return [
        replace(choice, value=before + choice.value, marks=tuple(len(before) + mark for mark in fit.marks))
        for choice, fit in ranked(typed, choices, lambda choice: choice.value)[:OFFERED]
    ]


def complete_setting(session: ChatSession, typed: str) -> list[Completion]:
    """The name of a setting, and then its values where they can be listed."""
    name, space, value = typed.partition(" ")
    if not space:
        names = [
            Completion(f"{name} ", f"{session.settings.text_of(name) or 'not set'}. {field.description or ''}")
            for name, field in ChatSettings.model_fields.items()
        ]
        return choose(name.replace("-", "_"), names)
    name = name.replace("-", "_")
    if name not in ChatSettings.model_fields:
        return []
    known = choices(name) + (("none",) if is_optional(name) else ())
    return choose(value.strip(), map(Completion, known), f"{name} ")


def complete_preset(_: ChatSession, typed: str) -> list[Completion]:
    """The name of a preset."""
    presets = [
        Completion(name, ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in values.items()))
        for name, values in PRESETS.items()
    ]
    return choose(typed, presets)


def complete_choice(name: str) -> Completer:
    """The values of one setting that has only a few."""

    def complete(session: ChatSession, typed: str) -> list[Completion]:
        now = session.settings.text_of(name)
        return choose(typed, [Completion(value, "now" if value == now else "") for value in choices(name)])

    return complete


def complete_conversation(session: ChatSession, typed: str) -> list[Completion]:
    """The number of a saved conversation, by its number or by words of its title."""
    if session.recorder is None:
        return []
    saved = session.recorder.store.list(RECENT)
    choices = {
        str(summary.id): Completion(str(summary.id), f"{date(summary.updated)}  {summary.title}") for summary in saved
    }
    found = {choice.value: choice for choice in choose(typed, choices.values())}
    for summary, fit in ranked(typed, saved, lambda summary: summary.title):
        if fit.rank < SCATTERED:
            found.setdefault(str(summary.id), choices[str(summary.id)])
    return list(found.values())[:OFFERED]


def complete_export(session: ChatSession, typed: str) -> list[Completion]:
    """The path of a new file: what was typed, with each of the endings, and folders on the way."""
    folders = choose(typed, paths_beside(typed))
    folder, slash, name = typed.rpartition("/")
    if name in (".", "..", "~") or any(found.value == f"{typed}/" for found in folders):
        return folders
    if not name:
        current = session.recorder.current if session.recorder else None
        name = f"conversation-{current}" if current else "conversation"
    files = [f"{folder}{slash}{name}{ending}" for ending in ([""] if name.endswith(EXPORTED) else EXPORTED[:2])]
    return [Completion(file, "is there already" if _exists(file) else "new file") for file in files] + folders


def paths_beside(typed: str, *endings: str) -> list[Completion]:
    """The folders, and the files with one of these endings, that the last part of a typed path matches."""
    folder = typed[: typed.rfind("/") + 1]
    name = typed[len(folder) :]
    found = []
    try:
        with os.scandir(as_path(folder)) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                # a name with control characters can't be typed, nor shown as it is
                fits = entry.name.isprintable() and entry.name.startswith(".") == name.startswith(".")
                if fits and match(name, entry.name):
                    if entry.is_dir():
                        found.append(Completion(f"{folder}{entry.name}/", "folder"))
                    elif entry.name.endswith(endings) and entry.is_file():
                        found.append(Completion(folder + entry.name))
    except (OSError, ValueError):
        return []
    return found


def as_path(text: str) -> Path:
    """A path as somebody types it; one with the home of nobody stays as it is."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def date(seconds: float) -> str:
    """A time as people here read it."""
    try:
        return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return "no date"


def _exists(path: str) -> bool:
    try:
        return as_path(path).exists()
    except (OSError, ValueError):
        return False
