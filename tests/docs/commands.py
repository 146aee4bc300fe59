"""The command lines of picochat in a piece of shell, and whether picochat knows what they say."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

import typer
from typer.core import TyperGroup

from picochat.cli import app

BETWEEN = {"|", "||", "&&", "&", ";", "(", ")", "\n"}
"""What ends a command."""


def commands_in(shell: str) -> Iterator[list[str]]:
    """The arguments of each `picochat` and `python -m picochat`."""
    for line in shell.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:  # an apostrophe: this is prose, or what a program prints
            continue
        command: list[str] = []
        for word in [*words, "\n"]:
            if word not in BETWEEN:
                command.append(word)
                continue
            yield from _arguments(command)
            command = []


def _arguments(command: list[str]) -> Iterator[list[str]]:
    for end, word in enumerate(command):
        if word.startswith((">", "<")):
            command = command[:end]
            break
    while command and "=" in command[0] and not command[0].startswith("-"):
        command = command[1:]
    if command[:1] == ["picochat"]:
        yield command[1:]
    elif "-m" in command and command[command.index("-m") + 1 :][:1] == ["picochat"]:
        yield command[command.index("-m") + 2 :]


def check(arguments: list[str]) -> None:
    """Read a command line as picochat does, without doing anything; raises what picochat would tell."""
    command, rest = find(arguments)
    if {"--help", "--version"} & set(rest):
        check_names(arguments)
    else:
        command.make_context("picochat", list(rest))


def check_names(arguments: list[str]) -> None:
    """Raise for commands and options that there are not, whatever values and all else they need."""
    command, rest = find(arguments)
    known = options(command)
    unknown = [word for word in rest if word.startswith("-") and word.partition("=")[0] not in known]
    if unknown:
        raise LookupError(f"`picochat {shlex.join(arguments)}`: there is no option {unknown[0]}")


def options(command: Any) -> set[str]:
    """All names of a command's options."""
    return {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}


def all_options() -> set[str]:
    """The options of every command."""
    waiting, found = [typer.main.get_command(app)], set[str]()
    while waiting:
        command = waiting.pop()
        found |= options(command)
        if isinstance(command, TyperGroup):
            context = typer.Context(command)
            waiting += [below for name in command.list_commands(context) if (below := command.get_command(context, name))]
    return found


def find(arguments: list[str]) -> tuple[Any, list[str]]:
    """The command that is named, and what comes after its name; of `list|show` each must exist."""
    command: Any = typer.main.get_command(app)
    if arguments[:1] == ["--debug"]:
        arguments = arguments[1:]
    while isinstance(command, TyperGroup) and arguments and not arguments[0].startswith("-"):
        context = typer.Context(command)
        found = [(name, command.get_command(context, name)) for name in arguments[0].split("|")]
        for name, each in found:
            if each is None:
                raise LookupError(f"there is no command `picochat ... {name}`")
        command, arguments = found[-1][1], arguments[1:]
    return command, arguments
