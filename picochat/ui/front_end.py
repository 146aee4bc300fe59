"""What slash commands ask of the chat screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from picochat.chat.actions import COMMANDS
from picochat.chat.comparison import Column, Comparison
from picochat.chat.context_view import context_view
from picochat.chat.history_actions import require_recorder
from picochat.chat.keys import keymap
from picochat.chat.pieces import text_block
from picochat.chat.reply import Reply
from picochat.chat.session import Cancelled, ChatSession
from picochat.errors import PicochatError
from picochat.ui.screens.compare import CompareScreen
from picochat.ui.screens.context import ContextScreen
from picochat.ui.screens.conversations import ConversationsScreen
from picochat.ui.screens.help import HelpScreen
from picochat.ui.screens.microscope import Choice, MicroscopeScreen
from picochat.ui.screens.tokens import TokensScreen
from picochat.ui.screens.watch import WatchScreen

if TYPE_CHECKING:
    from picochat.ui.screens.chat import ChatScreen


class ScreenFrontEnd:
    """The `FrontEnd` of the full screen."""

    def __init__(self, screen: ChatScreen) -> None:
        self._screen = screen
        self.comparison: Comparison | None = None

    @property
    def session(self) -> ChatSession:
        """The chat."""
        return self._screen.session

    @session.setter
    def session(self, session: ChatSession) -> None:
        self._screen.session = session

    def say(self, text: str) -> None:
        """Show a note in the transcript."""
        self._screen.say(text)

    def clear(self) -> None:
        """Empty the transcript."""
        self._screen.transcript.clear()
        self._screen.answering.show_again()
        self._screen.take_back()

    def show_help(self) -> None:
        """Open the help screen."""
        self._screen.app.push_screen(HelpScreen(keymap(self.session.settings.keys, COMMANDS)))

    def show_settings(self) -> None:
        """Open or close the panel."""
        self._screen.show_settings()

    def settings_changed(self) -> None:
        """Show settings that a command changed, and live by them."""
        self._screen.settings_changed()

    def load(self, path: str) -> None:
        """Load a model in the background."""
        self._screen.models.start(path)

    def answer(self, start: Callable[[Cancelled], Reply]) -> None:
        """Start an answer."""
        self._screen.answering.start(start)

    def edit(self, text: str) -> None:
        """Put a text into the input, before what is there: nothing that was typed or waits is lost."""
        self._screen.prompt.replace_text("\n".join(filter(None, (text, self._screen.prompt.text))))
        self._screen.prompt.focus()

    def edit_message(self, index: int) -> None:
        """Take back the user's message at a place, with all after it, to be changed and sent again."""
        text, branch = self.session.take_back(index)
        self.conversation_changed()
        self._tell_branch(branch)
        self.edit(text)

    def conversation_changed(self) -> None:
        """Draw the transcript anew."""
        self._screen.conversation_changed()

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""
        self._screen.copy(text)

    def show_probabilities(self) -> None:
        """Color the answers' tokens, or stop doing so."""
        transcript = self._screen.transcript
        transcript.probs = not transcript.probs

    def inspect_answer(self, index: int | None = None) -> None:
        """Open the microscope on an answer, by default the last; what comes after it goes when another token is chosen."""
        session, screen = self.session, self._screen
        tokens, engine = session.tokens_of(index), session.require_engine()

        def go_on(choice: Choice) -> None:
            if session.engine is not engine:
                raise PicochatError("Another model was loaded meanwhile; answer again with /regenerate and look into that.")
            if index is not None:
                self._tell_branch(session.cut(index + 1))
            if choice[-1].id in engine.end_of_turn:
                session.end_answer(choice[:-1])
                self.conversation_changed()
            else:
                self.answer(lambda cancelled: session.resume(choice, cancelled))

        screen.app.push_screen(
            MicroscopeScreen(tokens), lambda choice: screen.attempt(lambda: go_on(choice)) if choice else None
        )

    def _tell_branch(self, number: int | None) -> None:
        if number is not None:
            self.say(f"What came after is kept in conversation {number}, a branch of this one.")

    def choose_conversation(self) -> None:
        """Open the saved conversations."""
        recorder = require_recorder(self.session)
        picker = ConversationsScreen(recorder.store, recorder.current)

        def go_on(number: int | None) -> None:
            if picker.current_deleted:
                self.session.reset()
                self.conversation_changed()
            if number is not None:
                self._screen.run_command(f"/resume {number}")

        self._screen.app.push_screen(picker, go_on)

    def show_context(self) -> None:
        """Open the model's window."""
        self._screen.app.push_screen(ContextScreen(context_view(self.session)))

    def show_tokens(self, text: str) -> None:
        """Open the tokens of a text."""
        self._screen.app.push_screen(TokensScreen(text_block(self.session, text)))

    def compare(self, comparison: Comparison) -> None:
        """Open the answers in columns; the one that is chosen takes the place of the last, or its model is loaded."""
        screen, self.comparison = self._screen, comparison

        def take(column: Column | None) -> None:
            if column is None:
                return
            if comparison.keeps:
                screen.run_command(f"/keep {column.number}")
                if comparison.question.entry is None:
                    screen.transcript.add_message("assistant", column.text)
            else:
                screen.run_command(f"/load {column.model}")

        screen.app.push_screen(CompareScreen(comparison), take)

    def watch(self, folder: Path) -> None:
        """Open the training screen."""
        self._screen.app.push_screen(WatchScreen(folder))

    def quit(self) -> None:
        """Leave at once, also while an answer is coming."""
        self._screen.app.exit()
