"""The settings, to be changed while chatting."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Input, Label, Static

from picochat.chat.settings import PANEL_FIELDS, ChatSettings, is_optional
from picochat.errors import ConfigError
from picochat.text.safe import printable


class Field(Input):
    """An input whose text can't command the terminal."""

    def validate_value(self, value: str) -> str:
        """Make control characters visible."""
        return printable(value)


class SettingsPanel(VerticalScroll, can_focus=False):
    """A field for each setting of the panel; a wrong value is explained and not taken."""

    @dataclass
    class Changed(Message):
        """A setting got a valid new value, as typed."""

        name: str
        text: str

    def __init__(self, settings: ChatSettings) -> None:
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        """A label, an input and a line for what is wrong, for each field."""
        yield Label("Settings", classes="title")
        for name in PANEL_FIELDS:
            yield Label(name.replace("_", " "))
            yield Field(
                self._settings.text_of(name),
                placeholder="auto" if is_optional(name) else "",
                id=f"setting-{name}",
                compact=True,
                tooltip=ChatSettings.model_fields[name].description,
            )
            yield Static("", id=f"problem-{name}", classes="problem", markup=False)

    def show(self, settings: ChatSettings) -> None:
        """Take settings that changed elsewhere."""
        self._settings = settings
        for name in PANEL_FIELDS:
            field = self.query_one(f"#setting-{name}", Input)
            if not field.has_focus:
                with field.prevent(Input.Changed):
                    field.value = settings.text_of(name)
                self._explain(name, "")

    @on(Input.Changed)
    def _check(self, event: Input.Changed) -> None:
        event.stop()
        name = (event.input.id or "").removeprefix("setting-")
        try:
            self._settings = self._settings.with_text(name, event.value)
        except ConfigError as error:
            self._explain(name, str(error))
            return
        self._explain(name, "")
        self.post_message(self.Changed(name, event.value))

    def _explain(self, name: str, problem: str) -> None:
        line = self.query_one(f"#problem-{name}", Static)
        line.update(problem)
        line.display = bool(problem)
