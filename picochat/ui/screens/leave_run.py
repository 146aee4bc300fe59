"""The question what becomes of a training when its screen is left."""

from __future__ import annotations

from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

Choice = Literal["stop", "background"]


class LeaveRunScreen(ModalScreen[Choice | None]):
    """Stop the training, leave it running, or stay, which is `None`."""

    CSS_PATH = "../leave_run.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "choose('stop')", "Stop", show=False),
        Binding("b", "choose('background')", "Background", show=False),
        Binding("escape,q,w", "choose('')", "Watch on", show=False),
        Binding("ctrl+c", "choose('')", "Watch on", show=False, priority=True),
    ]

    def compose(self) -> ComposeResult:
        """The question and its answers."""
        with Vertical(id="question"):
            yield Static("The training is still running.", markup=False)
            yield OptionList(
                Option("s  Stop it: save the model, then leave", id="stop"),
                Option("b  Leave it running in the background", id="background"),
                Option("w  Watch on", id="stay"),
                markup=False,
            )

    def action_choose(self, choice: str) -> None:
        """Close with that answer."""
        self.dismiss("stop" if choice == "stop" else "background" if choice == "background" else None)

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.action_choose(event.option_id or "")
