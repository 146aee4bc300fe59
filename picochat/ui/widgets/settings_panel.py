"""The settings, to be changed while chatting."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static

from picochat.chat.settings import PANEL_FIELDS, ChatSettings, choices, is_optional
from picochat.errors import ConfigError
from picochat.text.safe import printable


class Field(Input):
    """An input whose text can't command the terminal."""

    def validate_value(self, value: str) -> str:
        """Make control characters visible."""
        return printable(value)


class SettingsPanel(VerticalScroll, can_focus=False):
    """A field for each setting; a wrong value is explained as it is typed, and not taken."""

    @dataclass
    class Changed(Message):
        """A setting got a valid new value, as typed."""

        name: str
        text: str

    def __init__(self, settings: ChatSettings) -> None:
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        """A label, a field and a line for what is wrong, for each setting."""
        yield Label("Settings", classes="title")
        for name in PANEL_FIELDS:
            with Horizontal(classes="setting"):
                yield Label(name.replace("_", " "))
                yield self._field(name)
            yield Static("", id=f"problem-{name}", classes="problem", markup=False)
        yield Static("/save keeps them for next time", classes="hint")

    def _field(self, name: str) -> Widget:
        tooltip, text = ChatSettings.model_fields[name].description, self._settings.text_of(name)
        if values := choices(name):
            options = [(value, value) for value in values]
            return Select(options, value=text, allow_blank=False, compact=True, id=f"setting-{name}", tooltip=tooltip)
        placeholder = ("none" if name == "system" else "auto") if is_optional(name) else ""
        return Field(text, placeholder=placeholder, id=f"setting-{name}", compact=True, tooltip=tooltip)

    def focus_first(self) -> None:
        """Begin with the setting on top."""
        self.query_one(f"#setting-{PANEL_FIELDS[0]}").focus()

    def show(self, settings: ChatSettings) -> None:
        """Take settings that changed elsewhere."""
        self._settings = settings
        for name in PANEL_FIELDS:
            field = self.query_one(f"#setting-{name}", Widget)
            if isinstance(field, Select):
                with field.prevent(Select.Changed):
                    field.value = settings.text_of(name)
            elif isinstance(field, Input) and not field.has_focus:
                with field.prevent(Input.Changed):
                    field.value = settings.text_of(name)
                self._explain(name, "")

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._take((event.input.id or "").removeprefix("setting-"), event.value)

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        event.stop()
        self._take((event.select.id or "").removeprefix("setting-"), str(event.value))

    def _take(self, name: str, text: str) -> None:
        try:
            settings = self._settings.with_text(name, text)
        except ConfigError as error:
            self._explain(name, str(error))
            return
        self._explain(name, "")
        # each field tells its value when it appears
        if settings != self._settings:
            self._settings = settings
            self.post_message(self.Changed(name, text))

    def _explain(self, name: str, problem: str) -> None:
        line = self.query_one(f"#problem-{name}", Static)
        line.update(problem)
        line.display = bool(problem)
