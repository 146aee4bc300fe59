"""Everything there is to type and to press."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from picochat.chat.actions import COMMANDS
from picochat.chat.keys import ACTIONS


class HelpScreen(ModalScreen[None]):
    """Made from the registry and the keys in force, so that it can't be out of date.

    Args:
        keys: the keys in force, by name.
    """

    CSS_PATH = "../help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f1", "dismiss", "Close", priority=True)]

    def __init__(self, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """Keys first: they are fewer."""
        with VerticalScroll(id="help"):
            yield Static("Keys", classes="title")
            for action in ACTIONS:
                yield from self._row(self._shown(action.name), action.help)
            yield Static("Commands", classes="title")
            for command in COMMANDS:
                key = self._shown(command.name)
                yield from self._row(command.usage, command.help + (f" [{key}]" if key else ""))
            yield Static("/keys NAME KEY changes a key, /save keeps it. A message that begins with // is sent with one /.")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Arrows scroll at once."""
        self.query_one(VerticalScroll).focus()

    def _shown(self, name: str) -> str:
        return " ".join(show_key(key) for key in self._keys.get(name, "").split(",") if key)

    def _row(self, left: str, right: str) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Static(left, classes="name", markup=False)
            yield Static(right, classes="help", markup=False)


def show_key(key: str) -> str:
    """A key as people write it: `ctrl+up` is Ctrl+Up."""
    return "+".join({"escape": "Esc"}.get(part, part.capitalize()) for part in key.split("+"))
