"""Says that there is new text where the reader is not looking."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message
from textual.widgets import Static


class NewTextHint(Static):
    """One line at the bottom of the transcript; the styles show it while that has the class `-news`."""

    ALLOW_SELECT = False

    @dataclass
    class Clicked(Message):
        """The reader wants to see it."""

    def __init__(self) -> None:
        super().__init__("\u25bc new text below - End", markup=False)

    def on_click(self) -> None:
        """Go there."""
        self.post_message(self.Clicked())
