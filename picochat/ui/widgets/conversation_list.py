"""Saved conversations, a row each."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.events import Click
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from picochat.chat.export import local_time
from picochat.chat.records import Found
from picochat.text.safe import printable

HEADINGS = f"{'Last changed':<16}  Msgs  Name"
"""What stands above the list."""

TITLE_COLUMN = HEADINGS.index("Name")

SNIPPET_LEAD = 24
"""Letters of a snippet before what was found: more could push that out of a narrow list."""


class ConversationList(OptionList):
    """Time, number of messages and title; below them what a search found. A click chooses, a double click takes.

    Args:
        current: the conversation that is being held, to be marked.
    """

    def __init__(self, current: int | None = None) -> None:
        super().__init__(markup=False)
        self.rows: list[Found] = []
        self._current = current
        self._tall = False

    def show(self, rows: Sequence[Found], *, searched: bool) -> None:
        """Replace all rows; those of a search are two lines high. The highlight stays where it was, as far as it can."""
        place = self.highlighted or 0
        self.rows, self._tall = list(rows), searched
        self.set_options(map(self._option, self.rows))
        self.highlighted = min(place, len(self.rows) - 1) if self.rows else None

    def extend(self, rows: Sequence[Found]) -> None:
        """Append rows that are not there yet."""
        known = {row.summary.id for row in self.rows}
        new = [row for row in rows if row.summary.id not in known]
        self.rows += new
        self.add_options(map(self._option, new))

    @property
    def chosen(self) -> Found | None:
        """The highlighted row."""
        return self.rows[self.highlighted] if self.highlighted is not None else None

    @property
    def chosen_line(self) -> int:
        """Where on the screen the highlighted row is, counted from the list's first visible line."""
        return (self.highlighted or 0) * (1 + self._tall) - self.scroll_offset.y

    @property
    def near_end(self) -> bool:
        """Whether the last rows are in sight, or the highlight is close to them."""
        close = self.highlighted is not None and self.highlighted >= len(self.rows) - 5
        return close or self.scroll_offset.y >= self.max_scroll_y

    async def _on_click(self, event: Click) -> None:
        event.prevent_default()  # Textual's list takes what is clicked once
        row = event.style.meta.get("option")
        if row is not None:
            self.highlighted = row
            if event.chain > 1:
                self.action_select()

    def _option(self, row: Found) -> Option:
        summary = row.summary
        here = " (this chat)" if summary.id == self._current else ""
        facts = f"{local_time(summary.updated)}  {summary.messages:>4}  "
        title = " ".join(summary.title.split()) or "(no name)"
        parts: list[str | Content] = [facts, Content(printable(title)).stylize("bold"), f"{summary.origin}{here}"]
        if self._tall:
            parts += ["\n    ", _snippet(row) if row.snippet else Content("(its name)").stylize("dim")]
        return Option(Content("").join(part if isinstance(part, Content) else Content(part) for part in parts))


def _snippet(row: Found) -> Content:
    """What was found, not by colour alone."""
    cut = max(0, row.marks[0][0] - SNIPPET_LEAD) if row.marks else 0
    content = Content(printable(row.snippet[cut:]))
    for start, end in row.marks:
        content = content.stylize("bold underline", start - cut, end - cut)
    return Content("…") + content if cut else content
