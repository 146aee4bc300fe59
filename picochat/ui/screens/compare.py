"""One question and several answers, side by side."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import HorizontalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Footer, Static

from picochat.chat.comparison import Column, Comparison
from picochat.text.safe import printable
from picochat.ui.widgets.answer_column import AnswerColumn
from picochat.ui.work import AnswerEnded, ColumnText, Job, draw_columns

LEAST_WIDTH = 26
"""Cells of a column, border included: narrower text is hard to read."""


class CompareScreen(Screen[Column | None]):
    """Draws a comparison; left and right choose a column, Enter closes with it. The conversation stays as it is.

    It closes with `None` when nothing is to change: also when the answer that was there is the one chosen. The column of a
    timeline stands for its model.
    """

    CSS_PATH = "../compare.tcss"
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        # before the columns, which would scroll sideways
        Binding("left", "move(-1)", show=False, priority=True),
        Binding("right", "move(1)", "Column", key_display="←→", priority=True),
        Binding("enter", "take('answer')", "Keep this answer"),
        Binding("enter", "take('model')", "Load this model"),
        Binding("escape", "stop", "Stop"),
        Binding("escape", "leave", "Close"),
        Binding("ctrl+c", "interrupt", "Stop or close", show=False, priority=True),
    ]

    columns = query_one("#columns", HorizontalScroll)

    def __init__(self, comparison: Comparison) -> None:
        super().__init__()
        self.comparison = comparison
        self.job: Job | None = None
        self.chosen = 0
        self._leaving = False
        self._taken: Column | None = None

    def compose(self) -> ComposeResult:
        """The question and the columns."""
        asked = " ".join(self.comparison.question.text.split())
        yield Static(Content(printable(f"Compare: {asked}" if self.comparison.keeps else f"Timeline: {asked}")), id="asked")
        with HorizontalScroll(id="columns", can_focus=False):
            for column in self.comparison.columns:
                yield AnswerColumn(column, len(self.comparison.columns))
        yield Footer(show_command_palette=False)

    @property
    def views(self) -> list[AnswerColumn]:
        """The columns as they are shown."""
        return list(self.columns.query(AnswerColumn))

    @property
    def drawing(self) -> bool:
        """Whether answers are still coming."""
        return self.job is not None and not self.job.stopped()

    def on_mount(self) -> None:
        """Paint first, draw then."""
        self._choose(self.chosen)
        self.call_after_refresh(self._begin)

    def on_unmount(self) -> None:
        """However the screen closes, the work ends with it."""
        if self.job is not None:
            self.job.stop()

    def on_resize(self) -> None:
        """As many columns as can be read share the width; the others lie beyond the edge, and scroll in when chosen."""
        views, width = self.views, self.size.width
        seen = max(1, min(len(views), width // LEAST_WIDTH))
        for view in views:
            view.styles.width = "1fr" if seen == len(views) else width // seen
        self.call_after_refresh(views[self.chosen].scroll_visible, animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what a key would do now."""
        if action == "take":
            return parameters == ("answer" if self.comparison.keeps else "model",)
        if action in ("stop", "leave"):
            return (action == "stop") is self.drawing
        return True

    # -- answers --------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self.job = draw_columns(self.comparison, self)
        self.refresh_bindings()

    @on(ColumnText)
    def _grow(self, event: ColumnText) -> None:
        if self.job is None or event.run != self.job.run:
            return
        self.job.draw_rate.measure()
        for view in self.views:
            if view.column in event.tokens:
                view.show(event.tokens[view.column])

    @on(AnswerEnded)
    def _ended(self, event: AnswerEnded) -> None:
        if self.job is None or event.run != self.job.run:
            return
        self.job = None
        self.refresh_bindings()
        if self._leaving:
            self.dismiss(self._taken)

    # -- keys -------------------------------------------------------------------------------------------------------------

    def action_move(self, step: int) -> None:
        """Go to another column."""
        self._choose(max(0, min(len(self.views) - 1, self.chosen + step)))

    @on(DescendantFocus)
    def _focused(self) -> None:
        # by Tab or the mouse; an event may be older than the focus
        for index, view in enumerate(self.views):
            if view.scroll is self.focused and index != self.chosen:
                self._choose(index)

    def action_take(self, _: str) -> None:
        """Close with the highlighted column, unless it has nothing to give."""
        column = self.comparison.columns[self.chosen]
        if column.state == "failed" or (self.comparison.keeps and column.state == "stopped"):
            self.app.notify("There is no answer in this column; choose another one.", markup=False)
        elif column.variant is None:
            self._leave(None)
        elif not self.comparison.keeps or self.comparison.can_keep(column):
            self._leave(column)
        else:
            still = column.state != "done"
            reason = "This answer is still coming; Esc stops it." if still else "This answer is empty; choose another one."
            self.app.notify(reason, markup=False)

    def action_stop(self) -> None:
        """Let the answers end where they are."""
        if self.job is not None:
            self.job.stop()
            self.refresh_bindings()

    def action_leave(self) -> None:
        """Close and change nothing."""
        self._leave(None)

    def action_interrupt(self) -> None:
        """Ctrl-C: copy what is selected, or stop, or close."""
        selected = self.get_selected_text()
        if selected:
            self.app.copy_to_clipboard(selected)
            self.clear_selection()
        elif self.drawing:
            self.action_stop()
        else:
            self.action_leave()

    def _choose(self, index: int) -> None:
        self.views[self.chosen].choose(False)
        self.chosen = index
        view = self.views[index]
        view.choose(True)
        self.set_focus(view.scroll)
        view.scroll_visible(animate=False)

    def _leave(self, taken: Column | None) -> None:
        """Close, but not before the chat's model is free; one that is only loaded for a column may go on alone."""
        if self._leaving:
            return
        self._leaving, self._taken = True, taken
        self.action_stop()
        if self.job is None or not self.comparison.busy:
            self.dismiss(taken)
