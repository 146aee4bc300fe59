"""The chat screen: transcript, input, popup, settings and status, and how they play together."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.getters import query_one
from textual.screen import Screen
from textual.widgets import Footer

from picochat.chat.actions import COMMANDS
from picochat.chat.commands import is_command
from picochat.chat.prompts import PromptHistory
from picochat.chat.reply import Reply
from picochat.chat.session import Cancelled, ChatSession
from picochat.errors import PicochatError
from picochat.inference.engine import STOP_TEXT, Engine
from picochat.ui.model_file import ModelFile
from picochat.ui.screens.microscope import Choice, MicroscopeScreen
from picochat.ui.widgets.command_popup import CommandPopup
from picochat.ui.widgets.message import MessageView
from picochat.ui.widgets.prompt import PromptInput
from picochat.ui.widgets.settings_panel import SettingsPanel
from picochat.ui.widgets.status_bar import StatusBar
from picochat.ui.widgets.transcript import Transcript
from picochat.ui.work import AnswerEnded, AnswerText, Job, ModelFailed, ModelLoaded, Trouble, load_model, stream_answer

RELOAD_SECONDS = 2.0
"""How often to look whether the model's file has changed."""

LEAVE_SECONDS = 2.0
"""A second Ctrl-C within this time leaves."""


class ChatScreen(Screen[None]):
    """A `FrontEnd` with widgets."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop"),
        Binding("f1", "command('help')", "Help"),
        Binding("f2", "command('settings')", "Settings"),
        Binding("ctrl+r", "command('regenerate')", "Again"),
        Binding("f3", "command('inspect')", "Microscope"),
        Binding("ctrl+n", "command('reset')", "New chat"),
        Binding("ctrl+c", "interrupt", "Stop or quit", show=False, priority=True),
    ]

    transcript = query_one(Transcript)
    prompt = query_one(PromptInput)
    popup = query_one(CommandPopup)
    panel = query_one(SettingsPanel)
    status = query_one(StatusBar)

    def __init__(self, session: ChatSession, model: Path | None, history: PromptHistory, notice: str | None = None) -> None:
        super().__init__()
        self.session = session
        self.loading_job: Job | None = None
        self.answer_job: Job | None = None
        self._model = model
        self._history = history
        self._notice = notice
        self.follow = False
        self._reply: Reply | None = None
        self._view: MessageView | None = None
        self._waiting: list[str] = []
        self._next_engine: Engine | None = None
        self._leave_before = 0.0
        self._file: ModelFile | None = None

    def compose(self) -> ComposeResult:
        """The layout."""
        with Horizontal():
            with Vertical(id="main"):
                yield Transcript()
                popup = CommandPopup(self.session, lambda: self.answer_job is not None)
                yield popup
                yield PromptInput(self._history, popup)
            yield SettingsPanel(self.session.settings)
        yield StatusBar(self.session)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Paint first, load then."""
        self.panel.display = False
        self.prompt.focus()
        self.show_state()
        self.conversation_changed()
        if self._notice:
            self.say(self._notice)
        if self.session.recorder is not None:
            self.session.recorder.problem = self._report_trouble
        self.set_interval(RELOAD_SECONDS, self.look_for_newer_model)
        if self._model is not None:
            self.call_after_refresh(self.load, str(self._model))

    # -- sending and answering ------------------------------------------------------------------------------------------

    @on(PromptInput.Submitted)
    def _submitted(self, event: PromptInput.Submitted) -> None:
        text = event.text
        if is_command(text):
            self.run_command(text)
            return
        if self.answer_job is not None:
            self.prompt.replace_text(text)
            self.app.notify("An answer is still coming; Esc stops it.", markup=False)
            return
        text = text.removeprefix("/") if text.startswith("//") else text
        if self.session.engine is None:
            if self.loading_job is None:
                self.prompt.replace_text(text)
                self.say_error("No model is loaded; name one with /load.")
                return
            self._waiting.append(text)
            self.transcript.add_message("user", text)
            return
        self.send(text)

    def send(self, text: str) -> None:
        """Send a message; the answer streams in."""
        self.transcript.add_message("user", text)
        self._reply_to(text)

    def _reply_to(self, text: str) -> None:
        self.answer(lambda cancelled: self.session.reply(text, cancelled))

    @on(AnswerText)
    def _grow(self, event: AnswerText) -> None:
        # an answer that was stopped may still have sent a little
        if self.answer_job is not None and event.run == self.answer_job.run and self._view is not None:
            self._view.append(event.tokens)
            self.show_state()

    def _report_trouble(self, text: str) -> None:
        # called on the answer's thread, which must not touch widgets
        self.post_message(Trouble(text))

    @on(Trouble)
    def _trouble(self, event: Trouble) -> None:
        self.say_error(event.text)

    @on(AnswerEnded)
    def _ended(self, event: AnswerEnded) -> None:
        if self.answer_job is None or event.run != self.answer_job.run:
            return
        reply, view = self._reply, self._view
        self.answer_job = self._reply = self._view = None
        if event.error:
            self.say_error(event.error)
        if reply is not None and view is not None:
            reason = STOP_TEXT[reply.stop or "cancelled"]
            view.finish(f"{reply.count} tokens, {reply.tokens_per_second:.0f} a second, seed {reply.seed}, {reason}")
        self.show_state()
        if self._next_engine is not None:
            self._take_next_engine()
        elif self._waiting:
            self._reply_to(self._waiting.pop(0))

    # -- commands and keys ----------------------------------------------------------------------------------------------

    def run_command(self, line: str) -> None:
        """Run a slash command and show what goes wrong."""
        self.popup.hide()
        try:
            COMMANDS.run(self, line, answering=self.answer_job is not None)
        except PicochatError as error:
            self.say_error(str(error))
        self.show_state()

    def action_command(self, name: str) -> None:
        """Run a command by key."""
        self.run_command(f"/{name}")

    def action_stop(self) -> None:
        """Esc: close what is open, or stop the answer."""
        if self.popup.display:
            self.popup.hide()
        elif self.answer_job is not None:
            self.answer_job.stop()
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
        elif self.answer_job is not None and not self.answer_job.stopped():
            self.answer_job.stop()
        elif time.monotonic() < self._leave_before:
            self.quit()
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

    # -- settings -------------------------------------------------------------------------------------------------------

    @on(SettingsPanel.Changed)
    def _setting_changed(self, event: SettingsPanel.Changed) -> None:
        self.session.change(event.name, event.text)

    # -- models ---------------------------------------------------------------------------------------------------------

    @on(ModelLoaded)
    def _loaded(self, event: ModelLoaded) -> None:
        self.loading_job = None
        self._next_engine = event.engine
        self._take_next_engine()

    def _take_next_engine(self) -> None:
        """Go over to a model that was loaded, once nothing uses the old one."""
        engine = self._next_engine
        if engine is None or self.answer_job is not None:
            return
        self._next_engine = None
        self.session.use(engine)
        self._file = ModelFile(engine.info.path)
        self.say(f"Loaded {engine.info.summary()}.")
        if not engine.info.chats:
            self.say("This model learnt from plain text: it goes on with each text you send.")
        self.show_state()
        if self._waiting:
            self._reply_to(self._waiting.pop(0))

    def look_for_newer_model(self) -> None:
        """A training may have written a better model over the one that is loaded: offer it, or take it with `follow`."""
        if self._file is None or self.loading_job is not None or not self._file.changed():
            return
        if self.follow:
            self.load(str(self._file.path))
        else:
            self.say(f"A newer {self._file.path.name} has been written: /load {self._file.path} takes it.")

    @on(ModelFailed)
    def _failed(self, event: ModelFailed) -> None:
        self.loading_job = None
        kept = " The model that was running stays." if self.session.engine is not None else ""
        self.say_error(event.reason + kept)
        if self._waiting:
            self.prompt.replace_text("\n".join([*self._waiting, self.prompt.text]).rstrip("\n"))
            self._waiting.clear()
        self.show_state()

    # -- FrontEnd -------------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Show a note in the transcript."""
        self.transcript.add_note(text)

    def say_error(self, text: str) -> None:
        """Show what went wrong."""
        self.transcript.add_note(f"Error: {text}", error=True)

    def clear(self) -> None:
        """Empty the transcript."""
        self.transcript.clear()
        if self._view is not None:
            self._view = self.transcript.add_message("assistant", self._view.text, self._view.tokens)

    def show_settings(self) -> None:
        """Open or close the panel."""
        self.panel.display = not self.panel.display
        if self.panel.display:
            self.panel.query_one("Input").focus()
        else:
            self.prompt.focus()

    def settings_changed(self) -> None:
        """Show settings that a command changed."""
        self.panel.show(self.session.settings)

    def answer(self, start: Callable[[Cancelled], Reply]) -> None:
        """Start an answer; its text streams in as messages."""
        try:
            self.answer_job, self._reply = stream_answer(start, self)
        except PicochatError as error:
            self.say_error(str(error))
            return
        question, prompt = self._reply.question, self._reply.prompt
        if question.replaced is not None:
            self.conversation_changed()
        for note in prompt.notes():
            self.say(note)
        opening = "".join(token.text for token in question.opening)
        self._view = self.transcript.add_message("assistant", opening, question.opening)
        self.show_state()

    def edit(self, text: str) -> None:
        """Put a text into the input."""
        self.prompt.replace_text(text)
        self.prompt.focus()

    def conversation_changed(self) -> None:
        """Draw the transcript anew from the conversation."""
        self.transcript.clear()
        for entry in self.session.conversation.entries:
            self.transcript.add_message(entry.message.role, entry.message.content, entry.tokens)

    def copy(self, text: str) -> None:
        """Put a text on the clipboard, by way of the terminal (OSC 52)."""
        self.app.copy_to_clipboard(text)
        self.app.notify("Sent to the clipboard through the terminal.", markup=False)

    def show_probabilities(self) -> None:
        """Colour the answers' tokens, or stop doing so."""
        self.transcript.probs = not self.transcript.probs

    def inspect_answer(self) -> None:
        """Open the microscope on the last answer."""
        tokens = self.session.last_tokens()
        engine = self.session.require_engine()

        def go_on(choice: Choice | None) -> None:
            if choice is None:
                return
            if self.session.engine is not engine:
                self.say_error("Another model was loaded meanwhile; answer again with /regenerate and look into that.")
            elif choice[-1].id in engine.end_of_turn:
                self.session.end_answer(choice[:-1])
                self.conversation_changed()
            else:
                self.answer(lambda cancelled: self.session.resume(choice, cancelled))

        self.app.push_screen(MicroscopeScreen(tokens), go_on)

    def load(self, path: str) -> None:
        """Load a model in the background; until it is ready, the one that is running stays."""
        if self.loading_job is not None:
            raise PicochatError("A model is being loaded already; wait for it.")
        self.loading_job = load_model(self.session, path, self)
        self.show_state()

    def quit(self) -> None:
        """Leave at once, also while an answer is coming."""
        self.app.exit()

    def on_unmount(self) -> None:
        """However the app ends, work on threads ends with it."""
        for job in (self.answer_job, self.loading_job):
            if job is not None:
                job.stop()

    def show_state(self) -> None:
        """Bring the status line up to date."""
        if self.answer_job is not None:
            state = "stopping" if self.answer_job.stopped() else "answering"
        else:
            state = "loading the model" if self.loading_job is not None else "ready"
        self.status.show(state)
