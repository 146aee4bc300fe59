"""The training screen as an app of its own."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from picochat.ui.screens.watch import WatchScreen


class WatchApp(App[None]):
    """Watch the run in `folder`."""

    TITLE = "picochat"
    CSS_PATH = "watch.tcss"  # Textual loads a screen's own only for screens that are pushed
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "Quit", priority=True)]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.watch_screen = WatchScreen(folder)

    def get_default_screen(self) -> WatchScreen:
        """It is the first and only screen."""
        return self.watch_screen
