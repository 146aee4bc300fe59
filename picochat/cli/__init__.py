"""The `picochat` command.

Each subcommand is a module of its own, imported when it runs: `picochat --help` and shell completion import neither torch
nor Textual.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from picochat import __version__
from picochat.cli.terminal import drop, note
from picochat.errors import PicochatError, PicochatWarning

COMMANDS = {
    "chat": "Talk to a model in the terminal.",
    "generate": "Write text from a prompt.",
    "train": "Train a model on your own text.",
    "config": "List, show and check the settings of a training.",
    "prepare": "Encode much text once, to train on it from memory-mapped files.",
    "data": "Get data sets, and turn chats into training data.",
    "eval": "Measure a model on held-out text and on prompts.",
    "bench": "Measure how fast a model runs here, beside other programs.",
    "serve": "Serve a model over HTTP, to programs that speak OpenAI's API.",
    "web": "Talk to a model in the browser.",
    "info": "Show what a model is made of.",
    "import": "Make a picochat model of one from elsewhere.",
    "export": "Write a model for other programs.",
    "push": "Put a model onto the Hugging Face hub.",
    "history": "List, search, export and delete saved conversations.",
    "watch": "Follow a training run on the screen.",
    "selftest": "Check that picochat works here: what a bug report should show.",
}
_MODULES = {"import": "import_model"}
"""Commands whose names are words of Python."""

_python_shows = warnings.showwarning


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
        module = importlib.import_module(f"picochat.cli.{_MODULES.get(cmd_name, cmd_name)}")
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
    _prepare_streams()
    # pydantic looks for plugins in every installed package, which takes longer than all that it does for us
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    warnings.showwarning = _show_warning
    debug = "--debug" in arguments
    code: object = 2
    try:
        code = app(arguments, prog_name="picochat", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, ReaderGoneError):
        # nothing more to say, and nobody to say it to
        drop(sys.stdout)
        code = 0
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except PicochatError as error:
        _tell(str(error), debug=debug)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _tell(f"{place}{error.strerror or error}.", debug=debug)
        drop(sys.stdout)
    except Exception as error:
        message = _usage_message(error, arguments) or _memory_message(error)
        if message is None:
            raise
        if message:
            _tell(message, debug=debug)
        elif hasattr(error, "show"):
            error.show()
    raise SystemExit(code if isinstance(code, int) else 0)


def _show_warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
    """Our own as a sentence; any other as Python does."""
    if issubclass(category, PicochatWarning):
        _tell(str(message), debug=False)
    else:
        _python_shows(message, category, *place, **more)


def _usage_message(error: Exception, arguments: list[str]) -> str | None:
    """What typer says of wrong options; empty when it only wants to show help, `None` when it isn't about options."""
    # the class itself differs between versions of typer
    if not hasattr(error, "format_message"):
        return None
    message = error.format_message()
    return f"{message} See `picochat{_subcommand(arguments)} --help`." if message else ""


def _memory_message(error: Exception) -> str | None:
    """What helps when the memory is full; `None` for any other error."""
    text = f"{type(error).__name__} {error}".lower()
    if "outofmemory" in text or "memoryerror" in text or "out of memory" in text or "can't allocate memory" in text:
        return "The memory is full; when training, lower --batch-size (--accumulation keeps the total), --context or --size."
    return None


def _prepare_streams() -> None:
    """Any text can be printed, whatever the terminal's encoding; streams that were closed are empty, or take all."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123
        elif hasattr(stream, "reconfigure"):
            if sys.platform == "win32" and not stream.isatty():
                stream.reconfigure(encoding="utf-8")  # not the code page: other programs don't use it either
            if mode == "w":
                stream.reconfigure(errors="replace")


def _subcommand(arguments: list[str]) -> str:
    name = next((argument for argument in arguments if not argument.startswith("-")), "")
    return f" {name}" if name in COMMANDS else ""


def _tell(message: str, *, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    note(f"picochat: {message}")
