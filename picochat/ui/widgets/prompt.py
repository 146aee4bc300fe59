"""Where the user types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult, Selection

from picochat.chat.actions import COMMANDS
from picochat.chat.keys import default_keys
from picochat.chat.prompts import PromptHistory
from picochat.errors import PicochatError
from picochat.text.safe import printable
from picochat.ui.bindings import action_binding
from picochat.ui.editor import edit_text
from picochat.ui.keys import know_alt_enter, with_disguises
from picochat.ui.widgets.command_popup import CommandPopup
from picochat.ui.widgets.pasted import PastedTexts

PLACEHOLDERS = (
    "Message picochat. Enter sends, Ctrl+J starts a new line, / lists commands",
    "Enter sends, / lists commands",
)
"""The longest that fits is shown."""
MAX_LINES = 10
SHARE = 0.4
"""Of the screen's height, at most."""


class PromptInput(TextArea):
    """A text area that sends on Enter and grows with its text."""

    BINDINGS: ClassVar[list[BindingType]] = [action_binding("editor", "open_editor", priority=False)]

    @dataclass
    class Submitted(Message):
        """The user sent a text."""

        text: str

    def __init__(self, prompts: PromptHistory, popup: CommandPopup) -> None:
        know_alt_enter()
        self.prompts = prompts
        self.popup = popup
        self._pasted = PastedTexts()
        self.use_keys(default_keys(COMMANDS))
        super().__init__(
            show_line_numbers=False,
            soft_wrap=True,
            highlight_cursor_line=False,
            tab_behavior="focus",
            placeholder=PLACEHOLDERS[0],
        )

    def use_keys(self, keys: Mapping[str, str]) -> None:
        """Send and start a line by other keys; those of `chat.keys` by name."""
        self._send = set(keys["send"].split(","))
        self._newline = with_disguises(keys["newline"].split(","))

    def action_submit(self) -> None:
        """Send the text."""
        text = self.whole_text
        if not text.strip():
            return
        self.prompts.add(text)
        self.text = ""
        self._pasted = PastedTexts()
        self.post_message(self.Submitted(text))

    def take_offer(self, key: str) -> None:
        """Take what the popup offers, as by Tab, or by Enter or a click, which also send it when it is complete."""
        line, runs = self.popup.accept(key, self.text)
        self.replace_text(line)
        if runs:
            self.action_submit()

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
        """Put another text in place and the cursor at its end; it can be undone."""
        if text != self.text:
            self.history.checkpoint()
            self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        self.move_cursor(self.document.end)

    def update_suggestion(self) -> None:
        """After every change: offer what a command may become, and show behind its name how its argument is called."""
        self.popup.refresh_for(self.text)
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
        # no bindings: those are run beside the queue of this widget, and overtake what was typed before
        if self._take_key(event.key):
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def _take_key(self, key: str) -> bool:
        """Act on a key that doesn't edit; returns whether it was one."""
        row = self.cursor_location[0]
        if key in ("tab", "enter") and self.popup.display:
            self.take_offer(key)
        elif key in self._newline:
            self.action_newline()
        elif key in self._send:
            self.action_submit()
        elif key in ("up", "down") and self.popup.display:
            self.popup.move(-1 if key == "up" else 1)
        elif key == "up" and row == 0 and (older := self.prompts.older(self.text)) is not None:
            self._recall(older)
        elif key == "down" and row == self.document.line_count - 1 and (newer := self.prompts.newer()) is not None:
            self._recall(newer)
        else:
            return False
        return True

    def _recall(self, text: str) -> None:
        self.replace_text(text)
        # the arrows go on through the history, also past a command
        self.popup.hide()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as its text, within limits; the border takes two lines."""
        return max(1, min(MAX_LINES, int(viewport.height * SHARE) - 2, self.wrapped_document.height))

    def on_text_area_changed(self) -> None:
        """Grow and shrink with the text."""
        self.refresh(layout=True)

    def on_resize(self) -> None:
        """Wrapping may have changed."""
        room = self.content_size.width
        self.placeholder = next((text for text in PLACEHOLDERS if len(text) < room), "")
        self.refresh(layout=True)

    def on_text_area_selection_changed(self) -> None:
        """The hint is shown at the end only."""
        self.update_suggestion()

    def _fit_to_show(self, text: str) -> str:
        # terminals send the ends of pasted lines as carriage returns
        return self._pasted.fold(printable(text.replace("\r\n", "\n").replace("\r", "\n")))

    def _select_placeholder(self, column: int) -> None:
        row = self.cursor_location[0]
        place = self._pasted.around(self.document[row], column)
        if self.selection.is_empty and place is not None:
            self.selection = Selection((row, place[0]), (row, place[1]))
