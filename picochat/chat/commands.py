"""The slash commands: one registry behind the popup, /help, the palette and the plain chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from picochat.chat.preferences import write_preferences
from picochat.chat.reply import Reply
from picochat.chat.session import Cancelled, ChatSession
from picochat.chat.settings import PANEL_FIELDS, PRESETS, ChatSettings
from picochat.errors import PicochatError
from picochat.locations import preferences


class FrontEnd(Protocol):
    """What a command may ask of the program that shows the chat."""

    session: ChatSession

    def say(self, text: str) -> None:
        """Show a note that is no part of the conversation."""

    def clear(self) -> None:
        """Empty the screen, and nothing else."""

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
    """

    name: str
    help: str
    run: Callable[[FrontEnd, str], None]
    argument: str = ""
    aliases: tuple[str, ...] = ()
    while_answering: bool = True

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
        """Commands for a popup: those that begin with what is typed, then those that contain its letters in order."""
        typed = typed.removeprefix("/").lower()
        ranked = []
        for position, command in enumerate(self):
            # an alias counts when it is whole: half of "new" must not offer to forget the conversation
            if command.name.startswith(typed) or typed in command.aliases:
                ranked.append((0, position, command))
            elif _in_order(typed, command.name):
                ranked.append((1, position, command))
        return [command for _, _, command in sorted(ranked, key=lambda entry: entry[:2])]

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


def _in_order(letters: str, name: str) -> bool:
    rest = iter(name)
    return all(letter in rest for letter in letters)


# -- what the commands do -------------------------------------------------------------------------------------------------


def _help(front_end: FrontEnd, argument: str) -> None:
    if argument:
        command = COMMANDS.find(argument)
        also = f" Also: {', '.join('/' + alias for alias in command.aliases)}." if command.aliases else ""
        front_end.say(f"{command.usage}: {command.help}{also}")
        return
    width = max(len(command.usage) for command in COMMANDS)
    front_end.say("\n".join(f"{command.usage:<{width}}  {command.help}" for command in COMMANDS))


def _reset(front_end: FrontEnd, _: str) -> None:
    front_end.session.reset()
    front_end.clear()
    front_end.say("New conversation. The model has forgotten the old one.")


def _set(front_end: FrontEnd, argument: str) -> None:
    name, _, value = argument.partition(" ")
    if not name:
        front_end.say(describe_settings(front_end.session.settings))
        return
    front_end.session.change(name, value)
    front_end.settings_changed()
    name = name.replace("-", "_")
    front_end.say(f"{name} is now {front_end.session.settings.text_of(name) or 'unset'}.")


def _preset(front_end: FrontEnd, argument: str) -> None:
    if argument not in PRESETS:
        raise PicochatError(f"There is no preset '{argument}'; choose one of {', '.join(PRESETS)}.")
    front_end.session.settings = front_end.session.settings.changed(**PRESETS[argument])
    front_end.settings_changed()
    front_end.say(describe_settings(front_end.session.settings))


def _save(front_end: FrontEnd, _: str) -> None:
    path = preferences()
    write_preferences(path, front_end.session.settings)
    front_end.say(f"Settings saved in {path}.")


def _mode(front_end: FrontEnd, argument: str) -> None:
    session = front_end.session
    other = "single" if session.mode == "conversation" else "conversation"
    session.change("mode", argument or other)
    front_end.settings_changed()
    if session.mode == "conversation":
        front_end.say("Conversation mode: the model sees what was said before.")
    else:
        front_end.say("Single-prompt mode: each message is answered on its own.")


def _status(front_end: FrontEnd, _: str) -> None:
    session = front_end.session
    engine = session.require_engine()
    entries = len(session.conversation.entries)
    lines = [
        f"model     {engine.info.summary()}",
        f"device    {engine.info.device}, {engine.info.precision}",
        f"mode      {session.mode}",
        f"messages  {entries}" + (f", the first {d} beyond the window" if (d := session.conversation.dropped) else ""),
        f"context   {session.context_used} of {engine.context} tokens",
    ]
    if (last := session.last) and last.stop:
        lines.append(f"last      {last.count} tokens, {last.tokens_per_second:.0f} a second, seed {last.seed}")
    front_end.say("\n".join([*lines, describe_settings(session.settings)]))


def _info(front_end: FrontEnd, _: str) -> None:
    info = front_end.session.require_engine().info
    training = info.training
    facts = {
        "file": str(info.path),
        "architecture": info.architecture,
        "parameters": f"{info.parameters:,}",
        "vocabulary": f"{info.vocab_size:,}",
        "context": f"{info.context:,} tokens",
        "trained on": training.get("data"),
        "steps": training.get("step"),
        "tokens seen": f"{training['tokens']:,}" if "tokens" in training else None,
        "validation": f"{training['val_bpb']:.3f} bits per byte" if "val_bpb" in training else None,
    }
    front_end.say("\n".join(f"{name:<13} {value}" for name, value in facts.items() if value is not None))


def _regenerate(front_end: FrontEnd, _: str) -> None:
    front_end.answer(lambda cancelled: front_end.session.regenerate(cancelled))


def _continue(front_end: FrontEnd, _: str) -> None:
    front_end.answer(lambda cancelled: front_end.session.resume(cancelled=cancelled))


def _undo(front_end: FrontEnd, _: str) -> None:
    front_end.session.undo()
    front_end.conversation_changed()


def _edit(front_end: FrontEnd, _: str) -> None:
    text = front_end.session.undo()
    front_end.conversation_changed()
    front_end.edit(text)


def _system(front_end: FrontEnd, argument: str) -> None:
    session = front_end.session
    if argument:
        session.change("system", "" if argument.lower() == "none" else argument)
        front_end.settings_changed()
    front_end.say(f"System prompt: {session.settings.system}" if session.settings.system else "There is no system prompt.")


def _copy(front_end: FrontEnd, _: str) -> None:
    answers = [entry for entry in front_end.session.conversation.entries if entry.message.role == "assistant"]
    if not answers:
        raise PicochatError("There is no answer to copy yet.")
    front_end.copy(answers[-1].message.content)


def _tokens(front_end: FrontEnd, argument: str) -> None:
    tokenizer = front_end.session.require_engine().tokenizer
    if not argument:
        raise PicochatError("/tokens needs a text to cut into tokens.")
    ids = tokenizer.encode(argument)
    front_end.say(f"{len(ids)} tokens: " + " ".join(f"{tokenizer.piece(index)!r}={index}" for index in ids))


def _context(front_end: FrontEnd, _: str) -> None:
    session = front_end.session
    engine = session.require_engine()
    seen = "".join(map(engine.tokenizer.piece, engine.cached_ids))
    dropped = session.conversation.dropped
    gone = f"\n({dropped} older messages fell off the front)" if dropped else ""
    front_end.say(f"{engine.cached} of {engine.context} tokens in the window:\n{seen}{gone}")


def _load(front_end: FrontEnd, argument: str) -> None:
    if not argument:
        raise PicochatError("/load needs the path of a model file or run folder.")
    front_end.load(str(Path(argument).expanduser()))


def describe_settings(settings: ChatSettings) -> str:
    """The settings of the panel, a line each."""
    width = max(map(len, PANEL_FIELDS))
    return "\n".join(f"{name:<{width}}  {settings.text_of(name) or 'auto'}" for name in PANEL_FIELDS)


COMMANDS = CommandRegistry(
    [
        Command("help", "List the commands, or explain one.", _help, "[command]", aliases=("h", "?")),
        Command("settings", "Show or hide the settings.", lambda front_end, _: front_end.show_settings()),
        Command("set", "Change a setting, e.g. /set temperature 0.5", _set, "name value"),
        Command("preset", f"Take settings by name: {', '.join(PRESETS)}.", _preset, "name"),
        Command("save", "Keep the settings for the next chats.", _save),
        Command("mode", "Switch between conversation and single prompts.", _mode, "[name]"),
        Command("regenerate", "Answer the last message anew.", _regenerate, aliases=("retry",), while_answering=False),
        Command("continue", "Go on with an answer that was cut off.", _continue, while_answering=False),
        Command("edit", "Change the last message and send it again.", _edit, while_answering=False),
        Command("undo", "Take back the last message and its answer.", _undo, while_answering=False),
        Command("copy", "Copy the last answer.", _copy),
        Command("system", "Show or set what the model is told first; none takes it away.", _system, "[text]"),
        Command("probs", "Color answers by how sure the model was.", lambda front_end, _: front_end.show_probabilities()),
        Command(
            "inspect",
            "Look at an answer token by token, and go on from another choice.",
            lambda front_end, _: front_end.inspect_answer(),
            while_answering=False,
        ),
        Command("context", "Show exactly what the model sees.", _context),
        Command("tokens", "Show the tokens of a text.", _tokens, "text"),
        Command("reset", "Start a new conversation.", _reset, aliases=("new",), while_answering=False),
        Command("clear", "Clear the screen; the conversation goes on.", lambda front_end, _: front_end.clear()),
        Command("status", "Model, device, context used and settings.", _status),
        Command("info", "Facts of the model and its training.", _info),
        Command("load", "Load another model; the conversation stays.", _load, "path", while_answering=False),
        Command("quit", "Leave.", lambda front_end, _: front_end.quit(), aliases=("exit", "q")),
    ]
)
