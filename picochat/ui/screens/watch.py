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
from picochat.ui.run_process import RunProcess
from picochat.ui.screens.leave_run import Choice, LeaveRunScreen
from picochat.ui.widgets.evaluation_log import EvaluationLog
from picochat.ui.widgets.loss_curve import LossCurve
from picochat.ui.widgets.run_figures import RunFigures

POLL_SECONDS = 0.5
POLL_BYTES = 1 << 20
"""Read at once; a long file comes in pieces, so that keys are answered between them."""


class WatchScreen(Screen[None]):
    """Follows the run in `folder`, which may start, end and be started again while it is shown.

    Args:
        folder: the run's folder.
        process: the training itself, where it was started for this screen: it says for sure whether the run is over, and
            whoever leaves is asked what becomes of it.
    """

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
    news = query_one("#news", Static)
    rate = query_one(Sparkline)

    def __init__(self, folder: Path, process: RunProcess | None = None) -> None:
        super().__init__()
        self.folder = folder
        self.process = process
        self.history = RunHistory()
        self._log = RunLog(folder)

    def compose(self) -> ComposeResult:
        """The layout."""
        process = f"process {self.process.pid}, " if self.process else ""
        yield Static(printable(f"{process}run {self.folder}"), id="run", markup=False)
        yield Static(id="news", markup=False)
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
        process, running, problem = self.process, None, ""
        if process is not None:
            # asked before the log is read: what a process that is gone had to say is all there then
            running = process.running
            self._tell(process, running=running)
            if not process.begun:
                running = None  # what is shown is an earlier run, or none
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
        self.figures.show(self.history.state(self._log.modified, time.time(), running), problem)
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
        """Back to where one came from; whoever started the training here says what becomes of it."""
        if self.process is not None and self.process.running:
            self.app.push_screen(LeaveRunScreen(), self._leave_training)
        else:
            self._leave()

    def _leave_training(self, choice: Choice | None) -> None:
        if choice == "stop" and self.process is not None and self.process.running:
            self.process.stop()
        if choice is not None:
            self._leave()

    def _tell(self, process: RunProcess, *, running: bool) -> None:
        """Say what the training does before its first step, and how it ended; one that never began is nothing to look at."""
        if process.failed and not process.begun:
            self.app.exit()
        if not running:
            text = f"{process.ending()} Press q to leave."
        else:
            text = "" if process.begun else process.last_line() or "Starting."
        self.news.update(printable(text))
        self.news.set_class(bool(text), "-shown")

    def _leave(self) -> None:
        if len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        else:
            self.app.exit()
