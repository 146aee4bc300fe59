"""What the program is connected to."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from picochat.text.safe import printable


def has_screen() -> bool:
    """Whether a full-screen app can run here: both ends are terminals, and not dumb ones."""
    unnamed = "" if sys.platform == "win32" else "dumb"  # Windows names no terminal
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", unnamed) != "dumb"


def drop(stream: TextIO) -> None:
    """Let what is still in a stream's buffer, and all that follows, go nowhere: Python would complain at the very end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


@contextlib.contextmanager
def though_unread() -> Iterator[None]:
    """For what is told on stderr while work is done: the work goes on when nobody reads it any more."""
    try:
        yield
    except OSError:
        drop(sys.stderr)


@though_unread()
def note(text: str) -> None:
    """Print a sentence for the user, on stderr."""
    print(printable(text), file=sys.stderr, flush=True)


def chosen_theme() -> str:
    """The colors that the user has chosen for every screen, by environment variable or in the configuration file."""
    from picochat.chat.preferences import read_preferences
    from picochat.chat.settings import ChatSettings
    from picochat.locations import preferences

    named = os.environ.get("PICOCHAT_THEME")
    return ChatSettings.parse({"theme": named} if named else read_preferences(preferences())[0]).theme
