"""The looks: two themes of our own, and those of Textual that we offer by name."""

from __future__ import annotations

from typing import Any

from textual.app import App
from textual.theme import Theme

DARK = Theme(
    name="dark",
    dark=True,
    primary="#5fb3b3",
    secondary="#7aa2c8",
    accent="#e8a855",
    foreground="#d8dee6",
    background="#12161c",
    surface="#181d25",
    panel="#202731",
    success="#86c06c",
    warning="#e8c055",
    error="#e8736c",
)
"""Dark blue-gray; what is the user's is amber, what is the model's is teal."""

LIGHT = Theme(
    name="light",
    dark=False,
    primary="#1f7a7a",
    secondary="#33658a",
    accent="#a85b00",
    foreground="#20262e",
    background="#fbfaf7",
    surface="#f3f1ec",
    panel="#e7e4dc",
    success="#2f6b22",
    warning="#8a6100",
    error="#b3261e",
)
"""The same on paper white, with every color dark enough to be read on it."""

OWN = (DARK, LIGHT)


def use_theme(app: App[Any], name: str) -> None:
    """Give an app the look of that name, one of ours or one of Textual's."""
    for theme in OWN:
        app.register_theme(theme)
    app.theme = name
