"""One message of the transcript."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.geometry import Region, Size
from textual.reactive import Reactive, reactive
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget
from textual.widgets import Static

from picochat.inference.engine import Token
from picochat.text.safe import printable
from picochat.ui.said import HUGE, Note, Said
from picochat.ui.widgets.token_text import token_content
from picochat.ui.wrapped_text import Line, WrappedText

NAMES = {"user": "You", "assistant": "picochat", "system": "System"}

LONG_LINES = 12
"""A message with more lines than this can be folded."""
FOLDED_LINES = 3
"""Lines left of a folded message."""

UNSELECTABLE = -1


class MessageView(Widget):
    """Draws a message that may still be growing.

    The text is only ever plain: brackets and escapes in it are shown, not obeyed.

    It wraps its lines itself and draws only those that are on the screen (Textual's line API), because a long answer that
    is drawn anew thirty times a second takes all of a processor.
    """

    virtual_size: Reactive[Size] = Reactive(Size(0, 0))
    """As every widget has it, but a layout that changes it is not followed by a second one: nothing in here is laid out."""
    probs: reactive[bool] = reactive(False)
    """Colour each token by its probability."""
    marked: reactive[bool] = reactive(False)
    """Whether the keyboard's cursor is here."""

    def __init__(self, said: Said) -> None:
        super().__init__(classes=f"message -{said.role}", markup=False)
        self.said = said
        self._body: WrappedText | None = None
        self._foot: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._drawn_for: object = None

    @property
    def role(self) -> str:
        """Who speaks."""
        return self.said.role

    @property
    def text(self) -> str:
        """What is said."""
        return self.said.text

    @property
    def tokens(self) -> list[Token]:
        """The records of an answer."""
        return self.said.tokens

    @property
    def footnote(self) -> str:
        """How the answer ended."""
        return self.said.footnote

    @property
    def foldable(self) -> bool:
        """Whether the message is long enough to be folded; known once it has been laid out."""
        return len(self.text) > HUGE or (self._body is not None and len(self._body.lines) > LONG_LINES)

    def watch_probs(self) -> None:
        """Draw in the other way."""
        self.redraw()

    def watch_marked(self, marked: bool) -> None:
        """Show or hide the cursor."""
        self.set_class(marked, "-cursor")
        self.refresh()

    def grow(self, tokens: Sequence[Token]) -> None:
        """Take tokens that the message has got at its end."""
        if self._body is None:
            return
        before = len(self._body.lines)
        self._strips.pop(before - 1, None)
        self._body.append(self._content(tokens))
        # a new layout of the screen costs far more than a line
        self.refresh(Region(0, before, self.size.width, 1), layout=len(self._body.lines) != before)

    def redraw(self) -> None:
        """Show a message that has changed in another way than by growing."""
        self._body = None
        self._strips.clear()
        self.refresh(layout=True)

    def render(self) -> Content:
        """All of it, unwrapped: what a selection by mouse is cut from."""
        parts = [self._heading(), Content("\n"), self._whole()]
        if self.footnote:
            parts += [Content("\n"), self._footnote()]
        return Content("").join(parts)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Name, text and footnote."""
        if not width:
            return 0
        body = self._wrapped(width)
        shown = FOLDED_LINES + 1 if self._is_folded() else len(body.lines)
        return 1 + shown + len(self._foot)

    def render_line(self, y: int) -> Strip:
        """One line as wrapped."""
        if self.text_selection is not None:
            return self._draw(self._line(y))
        drawn_for = (self.size.width, self.visual_style, self.marked)
        if self._drawn_for != drawn_for:
            self._drawn_for = drawn_for
            self._strips.clear()
        strip = self._strips.get(y - 1)
        if strip is None:
            strip = self._strips[y - 1] = self._draw(self._line(y))
        return strip

    def _draw(self, line: Line) -> Strip:
        width = self.size.width
        content = self._with_selection(line)
        # as wide as it is: the line is wrapped already, and what stands out are spaces
        strip = Visual.to_strips(
            self, content, max(width, content.cell_length, 1), 1, self.visual_style, apply_selection=False
        )[0]
        if line.y != UNSELECTABLE:
            strip = strip.apply_offsets(line.x, line.y)
        return strip.adjust_cell_length(width, self.visual_style.rich_style)

    def _line(self, y: int) -> Line:
        if y == 0:
            return Line(self._heading(), 0, 0)
        body = self._wrapped(self.size.width).lines
        rest: list[Line] = self._foot
        y -= 1
        if self._is_folded():
            rest_of = f"{len(self.text):,} characters" if len(self.text) > HUGE else f"{len(body) - FOLDED_LINES} more lines"
            more = f"\u2026 {rest_of}, Space shows them"
            body, rest = body[:FOLDED_LINES], [Line(Content.styled(more, "dim italic"), 0, UNSELECTABLE), *rest]
        if y < len(body):
            return body[y]
        y -= len(body)
        return rest[y] if y < len(rest) else Line(Content(""), 0, UNSELECTABLE)

    def _with_selection(self, line: Line) -> Content:
        selection = self.text_selection
        span = selection.get_span(line.y) if selection is not None and line.y != UNSELECTABLE else None
        if span is None:
            return line.content
        start, end = span[0] - line.x, len(line.content) if span[1] == -1 else span[1] - line.x
        style = Style.from_styles(self.screen.get_component_styles("screen--selection"))
        return line.content.stylize(style, max(0, start), max(0, end))

    def _wrapped(self, width: int) -> WrappedText:
        if self._body is None or self._body.width != max(2, width):
            self._body = WrappedText(width, first=1)
            self._body.append(Content(printable(self.text[:HUGE])) if self._hides() else self._whole())
            foot = WrappedText(width, first=self._body.lines[-1].y + 1)
            foot.append(self._footnote())
            self._foot = foot.lines if self.footnote else []
        return self._body

    def _is_folded(self) -> bool:
        return self.said.folded and self.foldable

    def _hides(self) -> bool:
        return self.said.folded and len(self.text) > HUGE

    def _heading(self) -> Content:
        mark = "\u25b6 " if self.marked else ""
        return Content.styled(f"{mark}{NAMES[self.role]}", "bold")

    def _whole(self) -> Content:
        return token_content(self.tokens) if self.probs and self.tokens else Content(printable(self.text))

    def _content(self, tokens: Sequence[Token]) -> Content:
        if self.probs:
            return token_content(tokens)
        return Content(printable("".join(token.text for token in tokens)))

    def _footnote(self) -> Content:
        return Content.styled(printable(self.footnote), "dim italic")


class NoteView(Static):
    """Shows a note of the program."""

    def __init__(self, note: Note) -> None:
        super().__init__(Content(printable(note.text)), markup=False, classes="note -error" if note.error else "note")
        self.text = note.text
