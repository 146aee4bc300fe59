"""Where the user types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Selection

from picochat.chat.actions import COMMANDS
from picochat.chat.prompts import PromptHistory
from picochat.errors import PicochatError
from picochat.text.safe import printable
from picochat.ui.editor import edit_text
from picochat.ui.widgets.pasted import PastedTexts

MAX_LINES = 10


class PromptInput(TextArea):
    """A text area that sends on Enter and grows with its text; on a low screen, `max-height` of its style ends that."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", priority=True, show=False),
        Binding("shift+enter,alt+enter,ctrl+j", "newline", "New line", priority=True, show=False),
        Binding("ctrl+g", "open_editor", "Editor", show=False),
    ]

    @dataclass
    class Submitted(Message):
        """The user sent a text."""

        text: str

    @dataclass
    class PopupKey(Message):
        """A key that belongs to the open command popup: "up", "down", "tab" or "enter"."""

        key: str

    def __init__(self, prompts: PromptHistory) -> None:
        super().__init__(
            show_line_numbers=False,
            soft_wrap=True,
            highlight_cursor_line=False,
            tab_behavior="focus",
            placeholder="Message picochat. Enter sends, Ctrl+J starts a new line, / lists commands",
        )
        self.prompts = prompts
        self.popup_open = False
        self._pasted = PastedTexts()

    def action_submit(self) -> None:
        """Send the text, or let the popup have the key."""
        if self.popup_open:
            self.post_message(self.PopupKey("enter"))
            return
        text = self.whole_text
        if not text.strip():
            return
        self.prompts.add(text)
        self.text = ""
        self._pasted = PastedTexts()
        self.post_message(self.Submitted(text))

    def action_newline(self) -> None:
        """Start a new line."""
        self.replace("\n", *self.selection, maintain_selection_offset=False)

    def action_open_editor(self) -> None:
        """Go on with the text in the user's editor."""
        try:
            text = edit_text(self.app, self.whole_text)
        except PicochatError as error:
            self.app.notify(str(error), severity="error", markup=False)
        else:
            self.replace_text(text)

    @property
    def whole_text(self) -> str:
        """The text, with what its placeholders stand for."""
        return self._pasted.unfold(self.text)

    def edit(self, edit: Edit) -> EditResult:
        """Take a change; control characters in a paste are made visible, for a terminal would obey them."""
        edit.text = self._fit_to_show(edit.text)
        return super().edit(edit)

    def load_text(self, text: str) -> None:
        """Take a whole text in the same way."""
        super().load_text(self._fit_to_show(text))

    def replace_text(self, text: str) -> None:
        """Put another text in place and the cursor at its end."""
        self.text = text
        self.move_cursor(self.document.end)

    def update_suggestion(self) -> None:
        """Behind the name of a command, show how its argument is called."""
        at_end = self.cursor_location == self.document.end
        self.suggestion = COMMANDS.hint(self.document[0]) if at_end and self.document.line_count == 1 else ""

    def action_cursor_right(self, select: bool = False) -> None:
        """Move on; what is shown behind the cursor is a hint, and no text to take."""
        self.suggestion = ""
        super().action_cursor_right(select)
        self.update_suggestion()

    def action_delete_left(self) -> None:
        """Delete; a placeholder goes as a whole."""
        self._select_placeholder(self.cursor_location[1] - 1)
        super().action_delete_left()

    def action_delete_right(self) -> None:
        """Delete; a placeholder goes as a whole."""
        self._select_placeholder(self.cursor_location[1])
        super().action_delete_right()

    async def _on_key(self, event: events.Key) -> None:
        if self.popup_open and event.key in ("up", "down", "tab"):
            event.stop()
            event.prevent_default()
            self.post_message(self.PopupKey(event.key))
            return
        recalled = None
        if event.key == "up" and self.cursor_location[0] == 0:
            recalled = self.prompts.older(self.text)
        elif event.key == "down" and self.cursor_location[0] == self.document.line_count - 1:
            recalled = self.prompts.newer()
        if recalled is not None:
            event.stop()
            event.prevent_default()
            self.replace_text(recalled)
            return
        await super()._on_key(event)

    def on_text_area_changed(self) -> None:
        """Grow and shrink with the text."""
        self._fit()

    def on_text_area_selection_changed(self) -> None:
        """The hint is shown at the end only."""
        self.update_suggestion()

    def on_resize(self) -> None:
        """Wrapping may have changed."""
        self._fit()

    def _fit(self) -> None:
        lines = max(1, min(MAX_LINES, self.wrapped_document.height))
        self.styles.height = lines + 2

    def _fit_to_show(self, text: str) -> str:
        # terminals send the ends of pasted lines as carriage returns
        return self._pasted.fold(printable(text.replace("\r\n", "\n").replace("\r", "\n")))

    def _select_placeholder(self, column: int) -> None:
        row = self.cursor_location[0]
        place = self._pasted.around(self.document[row], column)
        if self.selection.is_empty and place is not None:
            self.selection = Selection((row, place[0]), (row, place[1]))
