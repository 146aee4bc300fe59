"""The list of commands that match what is being typed."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from picochat.chat.actions import COMMANDS
from picochat.chat.commands import Command


class CommandPopup(OptionList, can_focus=False):
    """Shown above the input while a command's name is typed; the focus stays in the input."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.matches: list[Command] = []
        self.display = False

    def refresh_for(self, text: str) -> None:
        """Show the commands that `text` may become, or hide."""
        typing_name = text.startswith("/") and not text.startswith("//") and " " not in text and "\n" not in text
        self.matches = COMMANDS.matching(text) if typing_name else []
        self.display = bool(self.matches)
        if self.matches:
            width = max(len(command.usage) for command in self.matches)
            self.set_options(
                Option(Content.assemble((f"{command.usage:<{width}}", "bold"), f"  {command.help}"), id=command.name)
                for command in self.matches
            )
            self.highlighted = 0

    def hide(self) -> None:
        """Close."""
        self.matches = []
        self.display = False

    def move(self, step: int) -> None:
        """Move the highlight, round the ends."""
        if self.matches:
            self.highlighted = ((self.highlighted or 0) + step) % len(self.matches)

    @property
    def chosen(self) -> Command | None:
        """The highlighted command."""
        return self.matches[self.highlighted or 0] if self.matches else None
