"""The training screen as an app of its own."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from picochat.ui.run_process import RunProcess
from picochat.ui.screens.watch import WatchScreen
from picochat.ui.themes import use_theme


class WatchApp(App[None]):
    """Watch the run in `folder`.

    Args:
        folder: the run's folder.
        process: the training itself, where it was started for this screen.
        theme: the colors.
    """

    TITLE = "picochat"
    CSS_PATH = "watch.tcss"  # Textual loads a screen's own only for screens that are pushed
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "leave", "Quit", priority=True)]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, folder: Path, process: RunProcess | None = None, theme: str = "dark") -> None:
        super().__init__()
        use_theme(self, theme)
        self.watch_screen = WatchScreen(folder, process)

    def get_default_screen(self) -> WatchScreen:
        """It is the first and only screen."""
        return self.watch_screen

    def action_leave(self) -> None:
        """Leave as the screen does; while it asks what becomes of the training, leave at once and let that go on."""
        if self.screen is self.watch_screen:
            self.watch_screen.action_leave()
        else:
            self.exit()
