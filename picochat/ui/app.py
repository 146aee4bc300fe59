"""The Textual app: it wires the session to the chat screen, and holds what is the same on every screen."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.events import DescendantFocus, Event, Key, Paste
from textual.screen import Screen
from textual.widgets import Input, TextArea

from picochat.chat.actions import COMMANDS
from picochat.chat.keys import keymap
from picochat.chat.prompts import PromptHistory
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.errors import ConfigError
from picochat.ui.bindings import action_binding, command_binding, textual_keymap
from picochat.ui.palette import CommandProvider
from picochat.ui.screens.chat import ChatScreen
from picochat.ui.themes import use_theme
from picochat.ui.work import Job, running_jobs

SWITCH_SECONDS = 0.0001
"""How long one thread may keep another one from Python's lock. With Python's own 5 ms an answer came at two fifths of the
engine's speed on two cores, with a tenth of that at seven tenths (`benchmarks/app.py`)."""


class ChatApp(App[int]):
    """Talk to a model.

    Args:
        session: what is being talked with; its model may still be missing.
        model: what to load once the screen is there; `None` when the session has its engine already.
        history: typed texts of earlier chats.
        notice: what the user should know at once.
    """

    TITLE = "picochat"
    CSS_PATH = ["chat.tcss", "input.tcss"]  # noqa: RUF012  (declared so by Textual)
    BINDINGS: ClassVar[list[BindingType]] = [
        command_binding("quit"),
        action_binding("palette", "command_palette", "Palette"),
    ]
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = {CommandProvider}  # noqa: RUF012  (declared so by Textual)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (90, "-wide")]  # noqa: RUF012

    def __init__(
        self,
        session: ChatSession,
        model: Path | None = None,
        history: PromptHistory | None = None,
        notice: str | None = None,
    ) -> None:
        super().__init__()
        # after each token the thread that writes waits for the screen's at most so long, not Python's 5 ms
        sys.setswitchinterval(SWITCH_SECONDS)
        # as TEXTUAL_ANIMATIONS says
        self._animation = self.animation_level
        self._early: list[Event] | None = []
        self.chat = ChatScreen(session, model, history or PromptHistory(), notice)
        self.apply(session.settings)

    def get_default_screen(self) -> ChatScreen:
        """The chat, below all other screens."""
        return self.chat

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """None but those of the registry."""
        return ()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The palette's commands are about the chat, which must not change below another screen."""
        return action != "command_palette" or self.screen is self.chat

    def action_command(self, name: str) -> None:
        """Run a slash command by key."""
        self.chat.action_command(name)

    @on(ChatScreen.SettingsChanged)
    def _settings_changed(self, event: ChatScreen.SettingsChanged) -> None:
        self.apply(event.settings)

    async def on_event(self, event: Event) -> None:
        """Keep what is typed before the prompt is there."""
        if self._early is not None and isinstance(event, (Key, Paste)):
            # Enter, pressed while the terminal was not the app's yet, comes as the end of a line
            sent = isinstance(event, Key) and event.key == "ctrl+j"
            self._early.append(Key("enter", "\r") if sent else event)
        else:
            await super().on_event(event)

    @on(DescendantFocus)
    async def _take_early(self) -> None:
        """What was kept goes to the first that listens, before anything that has been typed since."""
        early, self._early = self._early, None
        for event in early or ():
            await super().on_event(event)

    @on(DescendantFocus)
    def _keep_still(self, event: DescendantFocus) -> None:
        """Whatever is typed into, on every screen: its cursor doesn't blink where motion is unwanted."""
        if isinstance(event.widget, (Input, TextArea)):
            event.widget.cursor_blink = not self.chat.session.settings.reduced_motion

    def apply(self, settings: ChatSettings) -> None:
        """Look and listen as the settings say; keys that can't be used are told and left out."""
        use_theme(self, settings.theme)
        self.animation_level = "none" if settings.reduced_motion else self._animation
        try:
            keys = keymap(settings.keys, COMMANDS)
        except ConfigError as error:
            self.chat.later(str(error))
        else:
            self.set_keymap(textual_keymap(keys))
            self.chat.use_keys(keys)

    @property
    def unfinished_jobs(self) -> list[Job]:
        """Work that goes on after the screen has closed."""
        return [job for job in running_jobs() if not job.join(0.5)]
