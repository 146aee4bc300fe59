"""The training screen: a run that another process writes, as it grows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Footer, Label, Sparkline, Static

from picochat.errors import PicochatError
from picochat.metrics import RunHistory, RunLog, downsample
from picochat.text.safe import printable
from picochat.ui.widgets.evaluation_log import EvaluationLog
from picochat.ui.widgets.loss_curve import LossCurve
from picochat.ui.widgets.run_figures import RunFigures

POLL_SECONDS = 0.5
POLL_BYTES = 1 << 20
"""Read at once; a long file comes in pieces, so that keys are answered between them."""


class WatchScreen(Screen[None]):
    """Follows the run in `folder`, which may start, end and be started again while it is shown."""

    CSS_PATH = "../watch.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012  (declared so by Textual)
    VERTICAL_BREAKPOINTS = [(0, "-low"), (24, "-high")]  # noqa: RUF012
    AUTO_FOCUS = "EvaluationLog"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "leave", "Leave"),
        Binding("r", "redraw", "Redraw"),
        Binding("ctrl+c", "interrupt", "Leave", show=False, priority=True),
    ]

    curve = query_one(LossCurve)
    figures = query_one(RunFigures)
    evaluations = query_one(EvaluationLog)
    rate = query_one(Sparkline)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.history = RunHistory()
        self._log = RunLog(folder)

    def compose(self) -> ComposeResult:
        """The layout."""
        yield Static(printable(f"run {self.folder}"), id="run", markup=False)
        with Horizontal(id="state"):
            with Vertical(id="curves"):
                yield LossCurve(self.history)
                with Horizontal(id="rate"):
                    yield Label("lr")
                    yield Sparkline()
            yield RunFigures()
        yield EvaluationLog()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Look now, and then again and again."""
        self.poll()
        self.set_interval(POLL_SECONDS, self.poll)

    def poll(self) -> None:
        """Take what the run has written since."""
        problem = ""
        try:
            records = self._log.poll(POLL_BYTES)
        except PicochatError as error:
            records, problem = [], str(error)
        if self._log.restarted:
            self.history = RunHistory()
        if self.history.add(records) or self._log.restarted:
            self.evaluations.show(self.history.evaluations)
        if records or self._log.restarted:
            self.draw()
        if self._log.broken:
            problem = problem or f"unreadable lines: {self._log.broken:,}"
        self.figures.show(self.history.state(self._log.modified, time.time()), problem)
        if self._log.behind:
            self.call_later(self.poll)

    def draw(self) -> None:
        """Draw the curves anew."""
        self.curve.show(self.history)
        rates = self.history.rates
        means = downsample(rates.steps, rates.values, self.rate.size.width)
        self.rate.data = [mean for mean in means if mean is not None]

    def on_resize(self) -> None:
        """Curves are cut to the width there is, once the layout is known."""
        self.call_after_refresh(self.draw)

    def action_redraw(self) -> None:
        """Paint everything anew, as after something else wrote on the terminal."""
        self.poll()
        self.draw()
        self.app.refresh(layout=True)

    def action_interrupt(self) -> None:
        """Ctrl-C: copy a selection, or leave."""
        selected = self.get_selected_text()
        if selected:
            self.app.copy_to_clipboard(selected)
            self.clear_selection()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Back to where one came from; the run goes on without its watcher."""
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        else:
            self.app.exit()
