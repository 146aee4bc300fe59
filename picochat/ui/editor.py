"""Writing a longer text in the user's own editor."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path

from textual.app import App, SuspendNotSupported

from picochat.errors import OutputError, PicochatError


def edit_text(app: App[object], text: str) -> str:
    """Let the user change a text in $VISUAL or $EDITOR; the app gives the terminal away meanwhile.

    Raises:
        PicochatError: no editor is set, it can't be started, it failed, or what it wrote is no text.
    """
    command = _editor()
    descriptor, name = tempfile.mkstemp(prefix="picochat-", suffix=".md")  # readable by its owner only
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as stream:
            stream.write(text)
        with app.suspend():
            problem = _run([*command, name])
        if problem:
            raise PicochatError(problem)
        # editors end the last line, too
        return path.read_bytes().decode("utf-8").removesuffix("\n").removesuffix("\r")
    except SuspendNotSupported:
        raise PicochatError("This terminal can't be handed to an editor; write the text here.") from None
    except UnicodeDecodeError:
        raise PicochatError("What the editor wrote is not UTF-8 text; the text is as it was.") from None
    except OSError as error:
        raise OutputError(f"The text can't be handed to an editor ({error.strerror}); make room in {path.parent}.") from None
    finally:
        path.unlink(missing_ok=True)


def _editor() -> list[str]:
    """The command of the user's editor; raises `PicochatError` where none is set."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        command = shlex.split(named)
    except ValueError:
        raise PicochatError(f"$EDITOR is no command ({named}); check its quotation marks.") from None
    if not command:
        raise PicochatError("No editor is set; name one in $EDITOR, as in `export EDITOR=nano`, and start again.")
    return command


def _run(command: list[str]) -> str:
    """Run an editor until it ends; returns what went wrong, as an error raised now would leave the terminal to nobody."""
    # a Ctrl-C in the editor is its own
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        status = subprocess.run(command, check=False).returncode
    except OSError as error:
        return f"The editor {command[0]} can't be started ({error.strerror}); set $EDITOR to one that can."
    finally:
        signal.signal(signal.SIGINT, before)
    return f"The editor {command[0]} ended with status {status}; the text is as it was." if status else ""
