"""Enter with another key, in the many ways terminals send it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import cast

DISGUISES = {"shift+enter": ("shift+\r", "\r")}
"""How Textual reads keys of tmux and of xterm with "modifyOtherKeys"."""


def with_disguises(keys: Iterable[str]) -> set[str]:
    """Keys by all the names that they come under."""
    return {name for key in keys for name in (key, *DISGUISES.get(key, ()))}


def know_alt_enter() -> None:
    """Let Textual read Alt+Enter of terminals without the Kitty protocol as Ctrl+J; it takes it for a plain Enter.

    They send an escape and a carriage return, which Textual's table lacks. Should the table move, Alt+Enter is Enter again.
    """
    with contextlib.suppress(ImportError, TypeError):
        from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
        from textual.keys import Keys

        cast("dict[str, object]", ANSI_SEQUENCES_KEYS).setdefault("\x1b\r", (Keys.ControlJ,))
