"""The `picochat` command.

Each subcommand is a module of its own, imported when it runs: `picochat --help` and shell completion import neither torch
nor Textual.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from picochat import __version__
from picochat.errors import PicochatError

COMMANDS = {
    "chat": "Talk to a model in the terminal.",
    "generate": "Write text from a prompt.",
    "train": "Train a model on your own text.",
    "info": "Show what a model is made of.",
}


class ReaderGoneError(Exception):
    """Whoever read stdout has closed it, as `| head -1` does."""


class LazyGroup(TyperGroup):
    """A group whose commands are known by name and loaded when they are called."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in the order of help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, or, while a list is made, only what the list shows of it."""
        if cmd_name not in COMMANDS:
            return None
        if self._listing:
            return typer.core.TyperCommand(cmd_name, help=COMMANDS[cmd_name])
        module = importlib.import_module(f"picochat.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # typer would make an error of it
            raise ReaderGoneError from None

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Help, without loading the commands."""
        self._listing = True
        super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Completion of command names, without loading the commands."""
        self._listing = True
        return super().shell_complete(ctx, incomplete)


# plain help: rich's takes longer to import than all the rest
app = typer.Typer(cls=LazyGroup, rich_markup_mode=None, no_args_is_help=True)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"picochat {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="On an error, show where in the code it came from.")] = False,
) -> None:
    """Train a small GPT from scratch on your own text, and talk to it in the terminal."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave with its exit code: 0, or 2 after an error, told in one sentence on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(arguments, prog_name="picochat", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, ReaderGoneError):
        # nothing more to say, and nobody to say it to
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    except KeyboardInterrupt:
        code = 130
    except typer.Abort:
        code = 130
    except PicochatError as error:
        _tell(str(error), debug="--debug" in arguments)
        code = 2
    except Exception as error:
        # typer's own usage errors carry a message and a code; the class itself differs between versions
        if not hasattr(error, "format_message"):
            raise
        message = error.format_message()
        if message:  # empty: help was shown
            _tell(f"{message} See `picochat{_subcommand(arguments)} --help`.", debug=False)
        elif hasattr(error, "show"):
            error.show()
        code = 2
    raise SystemExit(code if isinstance(code, int) else 0)


def _subcommand(arguments: list[str]) -> str:
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    return f" {name}" if name in COMMANDS else ""


def _tell(message: str, *, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    print(f"picochat: {message}", file=sys.stderr)
