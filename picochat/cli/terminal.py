"""What the program is connected to."""

from __future__ import annotations

import os
import sys


def has_screen() -> bool:
    """Whether a full-screen app can run here: both ends are terminals, and not dumb ones."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"
