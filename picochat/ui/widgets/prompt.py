"""Where the user types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import Edit, EditResult

from picochat.chat.prompts import PromptHistory
from picochat.text.safe import printable

MAX_LINES = 10


class PromptInput(TextArea):
    """A text area that sends on Enter and grows with its text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Send", priority=True, show=False),
        Binding("shift+enter,alt+enter,ctrl+j", "newline", "New line", priority=True, show=False),
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

    def action_submit(self) -> None:
        """Send the text, or let the popup have the key; after what was typed just before, which may still be on its way."""
        self.call_later(self._submit)

    def action_newline(self) -> None:
        """Start a new line."""
        self.call_later(self.insert, "\n")

    def _submit(self) -> None:
        if self.popup_open:
            self.post_message(self.PopupKey("enter"))
            return
        text = self.text
        if not text.strip():
            return
        self.prompts.add(text)
        self.text = ""
        self.post_message(self.Submitted(text))

    def edit(self, edit: Edit) -> EditResult:
        """Take a change; control characters in a paste are made visible, for a terminal would obey them."""
        edit.text = printable(edit.text)
        return super().edit(edit)

    def load_text(self, text: str) -> None:
        """Take a whole text in the same way."""
        super().load_text(printable(text))

    def replace_text(self, text: str) -> None:
        """Put another text in place and the cursor at its end."""
        self.text = text
        self.move_cursor(self.document.end)

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

    def on_resize(self) -> None:
        """Wrapping may have changed."""
        self._fit()

    def _fit(self) -> None:
        lines = max(1, min(MAX_LINES, self.wrapped_document.height))
        self.styles.height = lines + 2
