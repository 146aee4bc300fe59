"""What the program is connected to."""

from __future__ import annotations

import os
import sys


def has_screen() -> bool:
    """Whether a full-screen app can run here: both ends are terminals, and not dumb ones."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def chosen_theme() -> str:
    """The colors that the user has chosen for every screen, by environment variable or in the configuration file."""
    from picochat.chat.preferences import read_preferences
    from picochat.chat.settings import ChatSettings
    from picochat.locations import preferences

    named = os.environ.get("PICOCHAT_THEME")
    return ChatSettings.parse({"theme": named} if named else read_preferences(preferences())[0]).theme
