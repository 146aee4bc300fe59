"""What a slash command is, and the registry behind the popup, /help, the palette and the plain chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from picochat.chat.comparison import Comparison
from picochat.chat.completion import Completer, Completion
from picochat.chat.fuzzy import ranked
from picochat.chat.reply import Reply
from picochat.chat.session import Cancelled, ChatSession
from picochat.errors import PicochatError


class FrontEnd(Protocol):
    """What a command may ask of the program that shows the chat."""

    session: ChatSession
    comparison: Comparison | None
    """The last answers beside each other, one of which may still be kept."""

    def say(self, text: str) -> None:
        """Show a note that is no part of the conversation."""

    def clear(self) -> None:
        """Empty the screen, and nothing else."""

    def show_help(self) -> None:
        """Show all commands, and the keys where there are any."""

    def show_settings(self) -> None:
        """Open or close the settings panel, or print the settings."""

    def settings_changed(self) -> None:
        """Show settings that a command changed."""

    def load(self, path: str) -> None:
        """Load another model and say how it went."""

    def answer(self, start: Callable[[Cancelled], Reply]) -> None:
        """Start an answer and show it as it comes."""

    def edit(self, text: str) -> None:
        """Let the user change a text and send it again."""

    def conversation_changed(self) -> None:
        """Show the conversation as it is now."""

    def show_probabilities(self) -> None:
        """Show how sure the model was of each token of its answers, or stop showing it."""

    def inspect_answer(self) -> None:
        """Show the tokens of the last answer and what they were chosen over."""

    def choose_conversation(self) -> None:
        """Let the user find a saved conversation to go on with."""

    def show_context(self) -> None:
        """Show what the model sees, token by token, and what fell off."""

    def show_tokens(self, text: str) -> None:
        """Show the tokens of a text; of none, those of the last message."""

    def compare(self, comparison: Comparison) -> None:
        """Draw answers beside each other."""

    def watch(self, folder: Path) -> None:
        """Show a training run."""

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""

    def quit(self) -> None:
        """End the program."""


@dataclass(frozen=True)
class Command:
    """One slash command.

    Attributes:
        name: without the slash.
        help: one line.
        run: called with the front end and the rest of the line.
        argument: how the argument is called in help; empty for none. In [brackets]: may be left out.
        aliases: other names.
        while_answering: may run while an answer is coming.
        key: the key that runs it, where nothing else is configured; with an argument it begins the command in the input.
        complete: what the argument may become, from as much of it as was typed; quick, as it follows the typing.
    """

    name: str
    help: str
    run: Callable[[FrontEnd, str], None]
    argument: str = ""
    aliases: tuple[str, ...] = ()
    while_answering: bool = True
    key: str = ""
    complete: Completer | None = None

    @property
    def needs_argument(self) -> bool:
        """Whether the name alone is not enough."""
        return bool(self.argument) and not self.argument.startswith("[")

    @property
    def usage(self) -> str:
        """The command as it is typed."""
        return f"/{self.name} {self.argument}".rstrip()


class CommandRegistry:
    """All commands, by name and alias."""

    def __init__(self, commands: list[Command]) -> None:
        self._commands = {command.name: command for command in commands}
        self._aliases = {alias: command for command in commands for alias in command.aliases}

    def __iter__(self) -> Iterator[Command]:
        return iter(self._commands.values())

    def find(self, name: str) -> Command:
        """The command of that name or alias.

        Raises:
            PicochatError: there is none; the message names the nearest.
        """
        name = name.removeprefix("/").lower()
        command = self._commands.get(name) or self._aliases.get(name)
        if command is None:
            near = get_close_matches(name, [*self._commands, *self._aliases], n=1, cutoff=0.5)
            hint = f"did you mean /{near[0]}?" if near else "type /help for the list."
            raise PicochatError(f"There is no command /{name}; {hint}")
        return command

    def matching(self, typed: str) -> list[Command]:
        """Commands for a popup: those whose name holds what is typed, or its letters in order, the best first."""
        typed = typed.removeprefix("/").lower()
        # an alias counts when it is whole: half of "new" must not offer to forget the conversation
        meant = [command for command in self if typed in command.aliases]
        return meant + [command for command, _ in ranked(typed, self, lambda command: command.name) if command not in meant]

    def completions(self, session: ChatSession, line: str) -> list[Completion]:
        """What the argument of the command that is being typed may become; nothing where that can't be said."""
        name, _, argument = line.partition(" ")
        try:
            command = self.find(name)
            return command.complete(session, argument.lstrip()) if command.complete else []
        except PicochatError:
            return []

    def hint(self, line: str) -> str:
        """How the argument is called of a command whose name alone was typed; else nothing."""
        name = line.removeprefix("/").removesuffix(" ")
        command = self._commands.get(name) or self._aliases.get(name) if line.startswith("/") else None
        space = "" if line.endswith(" ") else " "
        return space + command.argument.upper() if command and command.argument else ""

    def run(self, front_end: FrontEnd, line: str, *, answering: bool = False) -> None:
        """Run a line that begins with a slash.

        Raises:
            PicochatError: no such command, or one that failed or can't run now.
        """
        name, _, argument = line.strip().partition(" ")
        command = self.find(name)
        if answering and not command.while_answering:
            raise PicochatError(f"/{command.name} can't run while an answer is coming; stop it first.")
        command.run(front_end, argument.strip())


def is_command(line: str) -> bool:
    """Whether a line is a command: a slash and a letter, on one line. "//" at the start sends a slash as text."""
    return len(line) > 1 and line[0] == "/" and (line[1].isalpha() or line[1] == "?") and "\n" not in line.strip()
