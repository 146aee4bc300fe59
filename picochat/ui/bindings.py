"""Keys as Textual wants them, made from the registry and from `chat.keys`."""

from __future__ import annotations

from collections.abc import Mapping

from textual.binding import Binding

from picochat.chat.actions import COMMANDS
from picochat.chat.keys import ACTIONS


def action_binding(name: str, action: str, label: str = "", *, priority: bool = True) -> Binding:
    """The binding of one of `chat.keys.ACTIONS`; shown in the footer when it has a label."""
    keys = next(entry.keys for entry in ACTIONS if entry.name == name)
    return Binding(keys, action, label, show=bool(label), priority=priority, id=name)


def command_binding(name: str) -> Binding:
    """The binding of one slash command."""
    command = COMMANDS.find(name)
    return Binding(
        command.key or _nothing(name),
        f"command('{name}')",
        name.capitalize(),
        show=bool(command.key),
        priority=True,
        id=name,
    )


def textual_keymap(keys: Mapping[str, str]) -> dict[str, str]:
    """What `App.set_keymap` takes."""
    return {name: text or _nothing(name) for name, text in keys.items()}


def _nothing(name: str) -> str:
    """A key that nobody can press, for what has none: Textual can only give another key to what has one."""
    return f"unbound-{name}"
