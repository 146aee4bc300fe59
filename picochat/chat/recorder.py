"""Keeping a chat's conversation in the store as it happens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from picochat.chat.conversation import Conversation, Entry
from picochat.chat.records import StoredMessage
from picochat.chat.settings import Mode
from picochat.chat.store import ConversationStore
from picochat.errors import HistoryError, PicochatError
from picochat.files import file_digest
from picochat.inference.backend import ModelInfo
from picochat.inference.engine import STOP_TEXT

if TYPE_CHECKING:
    from picochat.chat.session import ChatSession


class Recorder:
    """Writes a conversation to a store, and takes one up again.

    A store that fails never stops a chat: what went wrong is told once, the chat goes on, and what could not be saved is
    saved with the next answer that can be.

    A single prompt is saved with its answer as a conversation of its own, because that is what the model saw: it can be
    answered anew, gone on with and trained on like any other.

    Args:
        store: where to.
        problem: called with a sentence when something can't be saved.

    Attributes:
        current: number of the saved conversation.
        single: number of the last single prompt.
    """

    def __init__(self, store: ConversationStore, problem: Callable[[str], None] = lambda _: None) -> None:
        self.store = store
        self.problem = problem
        self.current: int | None = None
        self.single: int | None = None
        # what the store has of the current conversation: so many messages, changed then, this system prompt, this mode
        self._saved = 0
        self._changed: float | None = None
        self._question = ""
        self._system: str | None = None
        self._mode: Mode = "conversation"
        self._digest: tuple[ModelInfo, str | None] | None = None
        self._told = False

    # -- writing --------------------------------------------------------------------------------------------------------

    def keep(self, conversation: Conversation, first: int) -> None:
        """Save the conversation's messages from position `first` on, and forget saved ones beyond its end."""
        entries = conversation.entries
        with self._telling():
            if self.current is not None and self.store.changed(self.current) != self._changed:
                self.current = None
                self.problem("Another chat has changed this conversation or deleted it; here it goes on as a new one.")
            if self.current is None:
                if not entries:
                    return
                self.current = self.store.create(conversation.system)
                self._saved, self._system, self._mode = 0, conversation.system, "conversation"
            elif self._system != conversation.system:
                self.store.set_system(self.current, conversation.system)
                self._system = conversation.system
            # what failed to be saved before is made up for
            self._saved = min(first, self._saved)
            self._changed = self.store.truncate(self.current, self._saved)
            for entry in entries[self._saved :]:
                self._changed = self.store.put(self.current, self._saved, _record(entry))
                self._saved += 1
            if self._mode == "single" and len(entries) > 2:
                self.store.set_mode(self.current, "conversation")
                self._mode = "conversation"

    def keep_single(self, question: str, answer: StoredMessage, system: str | None) -> None:
        """Save a single prompt with its answer; another answer to the same one takes the place of the first."""
        with self._telling():
            if self.single is None or question != self._question:
                number = self.store.create(system, mode="single")
                self.store.put(number, 0, StoredMessage("user", question))
                self.single, self._question = number, question
            self.store.put(self.single, 1, answer)

    def set_system(self, system: str | None) -> None:
        """Note that the conversation's system prompt has changed."""
        if self.current is not None:
            with self._telling():
                self.store.set_system(self.current, system)
                self._system = system

    # -- which conversation ---------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """What comes next is another conversation."""
        self.current = self.single = None

    def require_current(self, mode: Mode = "conversation") -> int:
        """The number of the conversation at hand, in single mode that of the last prompt.

        Raises:
            PicochatError: nothing of it is saved.
        """
        number = self.single if mode == "single" and self.single is not None else self.current
        if number is None:
            raise PicochatError("Nothing of this conversation is saved yet.")
        return number

    def resume(self, session: ChatSession, number: int | None, keep: Collection[str] = ()) -> None:
        """Give `session` a saved conversation, the last one by default, with its mode and system prompt.

        How to sample is no matter of a conversation: it stays as it is set now.

        Args:
            keep: names of settings that stay too, as they were asked for.

        Raises:
            HistoryError: there is no such conversation; the one at hand stays.
        """
        number = self.store.latest() if number is None else number
        if number is None:
            raise HistoryError("Nothing is saved yet.")
        saved = self.store.load(number)
        own = {"mode": saved.mode, "system": saved.system}
        settings = session.settings.changed(**{name: value for name, value in own.items() if name not in keep})
        session.reset()
        session.settings = settings
        session.conversation.system = settings.system
        for message in saved.messages:
            entry = session.conversation.add(message.role, message.content)  # type: ignore[arg-type]
            entry.seed, entry.record = message.seed, message
            entry.stop = next((reason for reason in STOP_TEXT if reason == message.stop), None)
        self.current, self._saved, self._changed = number, len(saved.messages), saved.updated
        self._system, self._mode = saved.system, saved.mode

    def branch(self, session: ChatSession, position: int) -> int:
        """Go on from before the message at `position` in a copy, and leave the conversation as it is; returns its number.

        Raises:
            PicochatError: nothing is saved of the conversation, or it can't be copied; the one at hand stays.
        """
        conversation = session.conversation
        self.require_current()
        self.keep(conversation, self._saved)
        self.current = self.store.branch(self.require_current(), position)
        self._saved, self._changed = min(self._saved, position), self.store.changed(self.current)
        del conversation.entries[position:]
        conversation.dropped = min(conversation.dropped, position)
        return self.current

    def delete(self, session: ChatSession, number: int) -> bool:
        """Delete a saved conversation; `session` begins a new one if it was its own, and the result says so.

        Raises:
            HistoryError: it is not there, or can't be deleted.
        """
        self.store.delete(number)
        if number == self.single:
            self.single = None
        own = number == self.current
        if own:
            session.reset()
        return own

    # -- details --------------------------------------------------------------------------------------------------------

    def digest(self, info: ModelInfo) -> str | None:
        """The hash of a model's file, read once for each model that is loaded; `None` where it can't be read."""
        # by the very object: training may have written another model to the same path, and it may have been loaded
        if self._digest is None or self._digest[0] is not info:
            try:
                self._digest = info, file_digest(info.path)
            except OSError:
                self._digest = info, None
        return self._digest[1]

    @contextlib.contextmanager
    def _telling(self) -> Iterator[None]:
        """A chat goes on when it can't be saved; its user is told once, until saving works again."""
        try:
            yield
            self._told = False
        except HistoryError as error:
            if not self._told:
                self._told = True
                self.problem(f"{error} The chat goes on, unsaved.")


def _record(entry: Entry) -> StoredMessage:
    known = entry.record or StoredMessage(entry.message.role, "")
    return replace(known, content=entry.message.content, stop=entry.stop, seed=entry.seed)
