"""Where things are: the shipped model, and the user's own files."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from picochat.errors import CheckpointError

VARIABLES = {
    "PICOCHAT_CONFIG": "The configuration file, which /save writes.",
    "PICOCHAT_HISTORY": "The file of saved conversations.",
    "PICOCHAT_CACHE": "The folder of models made ready for this machine.",
}
"""Environment variables that name another place than the usual one, and of what."""

_PACKAGE = Path(__file__).resolve().parent


def default_model() -> Path:
    """The shipped model: in the wheel beside the code, in a clone under models/.

    Raises:
        CheckpointError: this copy came without one.
    """
    places = (_PACKAGE / "models" / "conv.pt", _PACKAGE.parent / "models" / "conv.pt")
    for place in places:
        if place.is_file():
            return place
    raise CheckpointError(
        "The shipped model is missing; train one with `picochat train --data YOUR.txt` and name it with -m."
    )


def prompt_history() -> Path:
    """The file of what the user typed in earlier chats."""
    return _state() / "prompts.jsonl"


def preferences() -> Path:
    """The user's configuration file."""
    named = os.environ.get("PICOCHAT_CONFIG")
    return Path(named) if named else Path(platformdirs.user_config_dir("picochat", appauthor=False)) / "config.yaml"


def line_history() -> Path:
    """The same of the plain chat, in readline's own format."""
    return _state() / "lines"


def history_database() -> Path:
    """The file of saved conversations; the environment variable PICOCHAT_HISTORY names another."""
    named = os.environ.get("PICOCHAT_HISTORY")
    if named:
        try:
            return Path(named).expanduser()
        except RuntimeError:  # a ~ of nobody's
            return Path(named)
    return Path(platformdirs.user_data_dir("picochat", appauthor=False)) / "history.sqlite3"


def packs() -> Path:
    """The folder of models made ready for this machine; the environment variable PICOCHAT_CACHE names another."""
    named = os.environ.get("PICOCHAT_CACHE")
    return (Path(named) if named else Path(platformdirs.user_cache_dir("picochat", appauthor=False))) / "packs"


def _state() -> Path:
    return Path(platformdirs.user_state_dir("picochat", appauthor=False))
