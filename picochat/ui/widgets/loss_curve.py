"""The loss of a run, drawn."""

from __future__ import annotations

import re

from textual.content import Content
from textual.widget import Widget

from picochat.metrics import RunHistory
from picochat.ui.plot import MARK, plot


class LossCurve(Widget):
    """Training loss as a line and validation loss as marks, at whatever size there is."""

    def __init__(self, history: RunHistory) -> None:
        super().__init__()
        self.history = history

    def show(self, history: RunHistory) -> None:
        """Draw that history."""
        self.history = history
        self.refresh()

    def render(self) -> Content:
        """The plot and what its signs mean."""
        losses = self.history.losses
        marks = [(float(evaluation.step), evaluation.val_loss) for evaluation in self.history.evaluations]
        rows = plot((losses.steps, losses.values), marks, self.size.width, self.size.height - 1)
        legend = f"  loss: \u2800\u28a4\u28c0 training  {MARK} validation".ljust(self.size.width)[: self.size.width]
        text = Content("\n".join([legend, *rows]))
        return text.highlight_regex(re.compile("[\u2801-\u28ff]+"), style="$primary").highlight_regex(
            re.compile(MARK), style="bold $warning"
        )
