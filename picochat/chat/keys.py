"""Which keys do what: the defaults, and a user's own on top of them.

A key is bound to a command of the registry by its name, or to one of `ACTIONS`, which are no commands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from picochat.errors import ConfigError

if TYPE_CHECKING:
    from picochat.chat.commands import Command

MODIFIERS = ("ctrl", "alt", "shift", "super")

NAMED = frozenset(
    "enter tab escape space backspace delete insert home end pageup pagedown up down left right slash backslash minus plus "  # noqa: SIM905
    "comma full_stop semicolon colon question_mark f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12".split()
)
"""Keys with a name, as Textual calls them."""


@dataclass(frozen=True)
class KeyAction:
    """Something that has a key but no slash command.

    Attributes:
        name: what a user's configuration calls it.
        keys: the default keys, with commas between.
        help: what it does, in few words.
    """

    name: str
    keys: str
    help: str


ACTIONS = (
    KeyAction("send", "enter", "send the message"),
    KeyAction("newline", "shift+enter,alt+enter,ctrl+j", "start a new line"),
    KeyAction("editor", "ctrl+g", "write the message in $EDITOR"),
    KeyAction("stop", "escape", "stop the answer, or close what is open"),
    KeyAction("interrupt", "ctrl+c", "copy what is selected, else stop, else leave when pressed twice"),
    KeyAction("palette", "ctrl+p", "search all commands"),
    KeyAction("messages", "ctrl+up", "go up to the messages"),
    KeyAction("latest", "ctrl+end", "go to the newest text and stay there"),
)


def normal_key(text: str) -> str:
    """Keys as Textual writes them: lower case, modifiers before the key, commas between several.

    Raises:
        ValueError: what is no key.
    """
    return ",".join(_normal(part) for part in text.split(","))


def _normal(text: str) -> str:
    *modifiers, key = text.strip().split("+")
    names = {"control": "ctrl", "option": "alt", "cmd": "super", "esc": "escape", "return": "enter", "del": "delete"}
    modifiers = [names.get(modifier.lower(), modifier.lower()) for modifier in modifiers]
    key = names.get(key.lower(), key if len(key) == 1 and not modifiers else key.lower())
    known = key in NAMED or (len(key) == 1 and key.isascii() and key.isprintable() and key != " ")
    if not known or any(modifier not in MODIFIERS for modifier in modifiers):
        raise ValueError(f"a key like ctrl+g, f5 or alt+enter, not {text.strip()!r}")
    return "+".join([*sorted(set(modifiers), key=MODIFIERS.index), key])


def default_keys(commands: Iterable[Command]) -> dict[str, str]:
    """The keys of everything that can have one; empty where there is none by default."""
    return {action.name: action.keys for action in ACTIONS} | {command.name: command.key for command in commands}


def keymap(own: Mapping[str, str], commands: Iterable[Command]) -> dict[str, str]:
    """The keys in force: a user's own over the defaults.

    Raises:
        ConfigError: a name that is none, one key for two things, or a key that is needed for typing.
    """
    defaults = default_keys(commands)
    for name, text in own.items():
        if name not in defaults:
            near = get_close_matches(name, defaults, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "/keys lists those there are."
            raise ConfigError(f"There is no key for '{name}'; {hint}")
        for key in text.split(","):
            if not _can_be_bound(key):
                raise ConfigError(f"'{key}' is for typing and can't be the key of '{name}'; take one like ctrl+{key[-1]}.")
    keys = defaults | dict(own)
    owners: dict[str, str] = {}
    for name, text in keys.items():
        for key in filter(None, text.split(",")):
            if key in owners:
                first, second = sorted((owners[key], name), key=lambda each: each in own)
                raise ConfigError(f"{key} is the key of '{first}' already; give '{first}' or '{second}' another one.")
            owners[key] = name
    return keys


def _can_be_bound(key: str) -> bool:
    """Whether a key is none that writes or moves in the input."""
    if key.startswith("shift+"):
        return key[6:] in NAMED and key[6:] not in ("left", "right", "up", "down", "home", "end", "space")
    return "+" in key[:-1] or bool(re.fullmatch(r"f\d+|enter|escape|insert|pageup|pagedown", key))
