"""Where a run stands, in figures."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from picochat.figures import describe_status, figures
from picochat.metrics import RunState
from picochat.text.safe import printable

NAME_WIDTH = 11
TWO_COLUMNS = 54


class RunFigures(Widget):
    """A panel of names and values: one column, or two where it is wide."""

    def __init__(self) -> None:
        super().__init__()
        self.status = ""
        self.rows: list[tuple[str, str]] = []

    def show(self, state: RunState, problem: str = "") -> None:
        """Show a state, with what is wrong, if anything is."""
        status = ", ".join(filter(None, (describe_status(state), problem)))
        rows = figures(state)
        if (status, rows) != (self.status, self.rows):
            self.status, self.rows = status, rows
            self.refresh()

    def render(self) -> Content:
        """The status, and below it the figures."""
        parts: list[Content | tuple[str, str]] = [(printable(self.status), "bold")]
        columns = 2 if self.size.width >= TWO_COLUMNS else 1
        count = -(-len(self.rows) // columns)
        room = self.size.width // columns - NAME_WIDTH
        for row in range(count):
            parts.append(Content("\n"))
            for name, value in self.rows[row::count]:
                parts += [(f"{name:<{NAME_WIDTH}}", "dim"), Content(printable(value).ljust(room))]
        return Content.assemble(*parts)
