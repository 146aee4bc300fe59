"""Enter with another key, in the many ways terminals send it."""

from __future__ import annotations

import contextlib
from typing import cast

# as Textual names them; the last two are how it reads the keys of tmux and xterm with "modifyOtherKeys"
NEW_LINE = ("shift+enter", "alt+enter", "ctrl+j", "shift+\r", "\r")
"""Keys that start a line."""


def know_alt_enter() -> None:
    """Let Textual read Alt+Enter of terminals without the Kitty protocol as Ctrl+J; it takes it for a plain Enter.

    They send an escape and a carriage return, which Textual's table lacks. Should the table move, Alt+Enter is Enter again.
    """
    with contextlib.suppress(ImportError, TypeError):
        from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
        from textual.keys import Keys

        cast("dict[str, object]", ANSI_SEQUENCES_KEYS).setdefault("\x1b\r", (Keys.ControlJ,))
