"""The chat screen: transcript, input, popup, settings and status, and how they play together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.getters import query_one
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Footer

from picochat.chat.actions import COMMANDS
from picochat.chat.commands import is_command
from picochat.chat.keys import default_keys
from picochat.chat.prompts import PromptHistory
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.errors import PicochatError
from picochat.ui.answering import Answering
from picochat.ui.bindings import action_binding, command_binding
from picochat.ui.clipboard import copy_text
from picochat.ui.front_end import ScreenFrontEnd
from picochat.ui.model_loading import ModelLoading
from picochat.ui.said import Said
from picochat.ui.widgets.command_popup import CommandPopup
from picochat.ui.widgets.prompt import PromptInput
from picochat.ui.widgets.settings_panel import SettingsPanel
from picochat.ui.widgets.status_bar import StatusBar
from picochat.ui.widgets.transcript import Transcript
from picochat.ui.work import AnswerEnded, AnswerText, Job, ModelFailed, ModelLoaded, Trouble

RELOAD_SECONDS = 2.0
"""How often to look whether the model's file has changed."""

LEAVE_SECONDS = 2.0
"""A second Ctrl-C within this time leaves."""


class ChatScreen(Screen[None]):
    """The conversation; commands reach it through `ScreenFrontEnd`."""

    @dataclass
    class SettingsChanged(Message):
        """The settings are other ones now; the app lives by some of them."""

        settings: ChatSettings

    BINDINGS: ClassVar[list[BindingType]] = [
        action_binding("stop", "stop", "Stop", priority=False),
        action_binding("interrupt", "interrupt"),
        action_binding("messages", "messages"),
        action_binding("latest", "latest"),
        *(command_binding(command.name) for command in COMMANDS if command.name != "quit"),
    ]

    transcript = query_one(Transcript)
    prompt = query_one(PromptInput)
    popup = query_one(CommandPopup)
    panel = query_one(SettingsPanel)
    status = query_one(StatusBar)

    def __init__(self, session: ChatSession, model: Path | None, history: PromptHistory, notice: str | None = None) -> None:
        super().__init__()
        self.session = session
        self.front_end = ScreenFrontEnd(self)
        self.answering = Answering(self)
        self.models = ModelLoading(self)
        self._model = model
        self._history = history
        self._notices = [notice] if notice else []
        self._waiting: list[Said] = []
        self._keys: Mapping[str, str] = default_keys(COMMANDS)
        self._leave_before = 0.0

    def compose(self) -> ComposeResult:
        """The layout."""
        with Horizontal():
            with Vertical(id="main"):
                yield Transcript()
                popup = CommandPopup(self.session, lambda: self.answering.job is not None)
                yield popup
                yield PromptInput(self._history, popup)
            yield SettingsPanel(self.session.settings)
        yield StatusBar(self.session)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Paint first, load then."""
        self.panel.display = False
        self.prompt.focus()
        self.prompt.use_keys(self._keys)
        self.prompt.cursor_blink = not self.session.settings.reduced_motion
        self.show_state()
        self.conversation_changed()
        for notice in self._notices:
            self.say(notice)
        if self.session.recorder is not None:
            self.session.recorder.problem = self._report_trouble
        self.set_interval(RELOAD_SECONDS, self.models.look_for_newer)
        if self._model is not None:
            self.call_after_refresh(self._load_first)

    def _load_first(self) -> None:
        """The model that the app was opened with; until then what is sent waits for it."""
        model, self._model = self._model, None
        self.start_command(f"/load {model}")

    # -- sending and answering ------------------------------------------------------------------------------------------

    @on(PromptInput.Submitted)
    def _submitted(self, event: PromptInput.Submitted) -> None:
        text = event.text
        if is_command(text):
            self.run_command(text)
            return
        if self.answering.job is not None:
            self.prompt.replace_text(text)
            self.app.notify("An answer is still coming; Esc stops it.", markup=False)
            return
        text = text.removeprefix("/") if text.startswith("//") else text
        if self.session.engine is None:
            if self.models.job is None and self._model is None:
                self.prompt.replace_text(text)
                self.say_error("No model is loaded; name one with /load.")
                return
            self._waiting.append(self._add_user_message(text))
            return
        self._reply_to(self._add_user_message(text))

    def _add_user_message(self, text: str) -> Said:
        self.transcript.follow()
        return self.transcript.add_message("user", text)

    def _reply_to(self, said: Said) -> None:
        if self.session.mode == "conversation":
            said.index = len(self.session.conversation.entries)
        self.answering.start(lambda cancelled: self.session.reply(said.text, cancelled))
        self.show_state()

    @on(AnswerText)
    def _grow(self, event: AnswerText) -> None:
        # an answer that was stopped may still have sent a little
        if self.answering.grow(event):
            self.show_state()

    @on(AnswerEnded)
    def _ended(self, event: AnswerEnded) -> None:
        if self.answering.end(event):
            self._go_on()

    def _go_on(self) -> None:
        """Nothing is being answered now: do what has waited for that."""
        if self.answering.job is None:
            self.models.take()
            if self._waiting and self.session.engine is not None:
                said = self._waiting.pop(0)
                # after the answers to those that waited with it
                self.transcript.show([*(item for item in self.transcript.items if item is not said), said])
                self._reply_to(said)
        self.popup.redraw()
        self.show_state()

    def give_back(self, text: str) -> None:
        """Say that a message was not answered, and put it into the input, unless something has been typed there."""
        if self.prompt.text:
            self.say("Nothing came; your message is taken back. The Up key finds it again.")
        else:
            self.prompt.replace_text(text)
            self.say("Nothing came; your message is in the input again.")

    def take_back(self, first: int = 0) -> None:
        """Put the messages that wait for the model back into the input, from the place `first` in their queue on."""
        if back := self._waiting[first:]:
            del self._waiting[first:]
            left = [item for item in self.transcript.items if item not in back]
            if len(left) < len(self.transcript.items):
                self.transcript.show(left)
            self.prompt.replace_text("\n".join([*(said.text for said in back), self.prompt.text]).rstrip("\n"))

    def _report_trouble(self, text: str) -> None:
        # called on the answer's thread, which must not touch widgets
        self.post_message(Trouble(text))

    @on(Trouble)
    def _trouble(self, event: Trouble) -> None:
        self.say_error(event.text)

    # -- commands and keys ----------------------------------------------------------------------------------------------

    def run_command(self, line: str) -> None:
        """Run a slash command and show what goes wrong."""
        self.popup.hide()
        self.transcript.follow()
        try:
            COMMANDS.run(self.front_end, line, answering=self.answering.job is not None)
        except (PicochatError, OSError) as error:
            self.say_error(str(error))
        self.show_state()

    def start_command(self, line: str) -> None:
        """Run a command, or put it into the input when something must be added to it."""
        if " " not in line and COMMANDS.find(line).needs_argument:
            self.prompt.replace_text(f"{line} ")
            self.prompt.focus()
        else:
            self.run_command(line)

    def action_command(self, name: str) -> None:
        """Run a command by key."""
        self.start_command(f"/{name}")

    def action_stop(self) -> None:
        """Esc: close what is open, or take back what waits, or stop the answer."""
        if self.popup.display:
            self.popup.hide()
        elif self._waiting:
            self.take_back(-1)
        elif self.answering.job is not None:
            self.answering.stop()
            self.show_state()
        elif self.panel.display:
            self.show_settings()
        else:
            self.prompt.focus()

    def action_interrupt(self) -> None:
        """Ctrl-C: copy what is selected, or stop the answer, or leave when it is pressed twice."""
        selected = getattr(self.focused, "selected_text", "") or self.get_selected_text()
        if selected:
            self.copy(selected)
            self.clear_selection()
        elif self.answering.stop():
            self.show_state()
        elif time.monotonic() < self._leave_before:
            self.app.exit()
        else:
            self._leave_before = time.monotonic() + LEAVE_SECONDS
            self.app.notify("Press Ctrl-C again to leave.", timeout=LEAVE_SECONDS, markup=False)

    @on(CommandPopup.OptionSelected)
    def _clicked(self) -> None:
        self.prompt.take_offer("enter")
        self.prompt.focus()

    def on_key(self, event: Key) -> None:
        """Typing anywhere but in a field goes to the input."""
        if event.is_printable and event.character and self.focused is self.transcript:
            self.prompt.focus()
            self.prompt.insert(event.character)
            event.stop()

    # -- messages under the keyboard's cursor ---------------------------------------------------------------------------

    def action_messages(self) -> None:
        """Go up to the messages."""
        self.transcript.focus()

    def action_latest(self) -> None:
        """Go to the newest text, and stay there."""
        self.transcript.follow()

    @on(Transcript.Left)
    def _left(self) -> None:
        self.prompt.focus()

    @on(Transcript.CopyRequested)
    def _copy_requested(self, event: Transcript.CopyRequested) -> None:
        self.copy(event.text)

    @on(Transcript.EditRequested)
    def _edit_requested(self, event: Transcript.EditRequested) -> None:
        self.attempt(lambda: self.front_end.edit_message(event.index))

    @on(Transcript.InspectRequested)
    def _inspect_requested(self, event: Transcript.InspectRequested) -> None:
        self.attempt(lambda: self.front_end.inspect_answer(event.index))

    @on(Transcript.BranchRequested)
    def _branch_requested(self, event: Transcript.BranchRequested) -> None:
        self.run_command(f"/branch {event.index + 1}")

    @on(Transcript.RegenerateRequested)
    def _regenerate_requested(self) -> None:
        self.run_command("/regenerate")
        self.prompt.focus()

    def attempt(self, work: Callable[[], None]) -> None:
        """Do what needs the chat for itself, and show what goes wrong."""
        try:
            if self.answering.job is not None:
                raise PicochatError("An answer is still coming; Esc stops it.")
            work()
        except PicochatError as error:
            self.say_error(str(error))
        self.show_state()

    # -- settings -------------------------------------------------------------------------------------------------------

    @on(SettingsPanel.Changed)
    def _setting_changed(self, event: SettingsPanel.Changed) -> None:
        try:
            self.session.change(event.name, event.text)
        except PicochatError as error:
            self.say_error(str(error))
        self.settings_changed()

    def settings_changed(self) -> None:
        """Show the settings there are now, and live by them."""
        self.panel.show(self.session.settings)
        self.prompt.cursor_blink = not self.session.settings.reduced_motion
        self.post_message(self.SettingsChanged(self.session.settings))
        self.show_state()

    def use_keys(self, keys: Mapping[str, str]) -> None:
        """Take other keys where Textual's own bindings don't."""
        self._keys = keys
        if self.is_mounted:
            self.prompt.use_keys(keys)

    def show_settings(self) -> None:
        """Open or close the panel."""
        self.panel.display = not self.panel.display
        if self.panel.display:
            self.panel.focus_first()
        else:
            self.prompt.focus()

    # -- models ---------------------------------------------------------------------------------------------------------

    @on(ModelLoaded)
    def _loaded(self, event: ModelLoaded) -> None:
        self.models.arrived(event.engine)
        self._go_on()

    @on(ModelFailed)
    def _failed(self, event: ModelFailed) -> None:
        self.models.failed()
        kept = " The model that was running stays." if self.session.engine is not None else ""
        self.say_error(event.reason + kept)
        self.take_back()
        self.show_state()

    # -- showing --------------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Show a note in the transcript."""
        self.transcript.add_note(text)

    def say_error(self, text: str) -> None:
        """Show what went wrong."""
        self.transcript.add_note(f"Error: {text}", error=True)

    def later(self, text: str) -> None:
        """Show a note, or keep it until there is a screen to show it on."""
        if self.is_mounted:
            self.say_error(text)
        else:
            self._notices.append(text)

    def conversation_changed(self) -> None:
        """Draw the transcript anew from the conversation."""
        entries = self.session.conversation.entries
        self.transcript.show(
            [
                Said(entry.message.role, entry.message.content, entry.tokens, index=index, footnote=entry.footnote)
                for index, entry in enumerate(entries)
            ]
        )
        self.take_back()

    def copy(self, text: str) -> None:
        """Put a text on the clipboard, and say by which ways."""
        self.run_worker(self._copy(text), group="copy")

    async def _copy(self, text: str) -> None:
        copied = await copy_text(self.app, text)
        self.app.notify(copied.describe(), markup=False)

    def show_state(self) -> None:
        """Bring the status line up to date."""
        self.status.show(self.answering.state or ("loading the model" if self.models.job is not None else "ready"))

    @property
    def jobs(self) -> list[Job]:
        """What is going on on threads."""
        return [job for job in (self.answering.job, self.models.job) if job is not None]

    def on_unmount(self) -> None:
        """However the app ends, work on threads ends with it."""
        for job in self.jobs:
            job.stop()
