"""Keeping a chat's conversation in the store as it happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from picochat.chat.conversation import Conversation, Entry
from picochat.chat.records import StoredMessage
from picochat.chat.store import ConversationStore
from picochat.errors import HistoryError, PicochatError
from picochat.files import file_digest
from picochat.inference.backend import ModelInfo

if TYPE_CHECKING:
    from picochat.chat.session import ChatSession


class Recorder:
    """Writes a conversation to a store, and takes one up again.

    A store that fails never stops a chat: what went wrong is told once, and the chat goes on unsaved.

    Args:
        store: where to.
        problem: called with a sentence when something can't be saved.
    """

    def __init__(self, store: ConversationStore, problem: Callable[[str], None] = lambda _: None) -> None:
        self.store = store
        self.problem = problem
        self.current: int | None = None
        self._digests: dict[str, str | None] = {}
        self._told = False

    def keep(self, conversation: Conversation, first: int, answer: StoredMessage | None = None) -> None:
        """Save the conversation's messages from position `first` on, and forget saved ones beyond its end.

        Args:
            answer: the record of the last message, where more than its text is known.
        """
        try:
            if self.current is None:
                if not conversation.entries:
                    return
                self.current, first = self.store.create(conversation.system), 0
            self.store.truncate(self.current, first)
            for position in range(first, len(conversation.entries)):
                last = position == len(conversation.entries) - 1
                self.store.put(
                    self.current, position, answer if last and answer else _record(conversation.entries[position])
                )
            self._told = False
        except HistoryError as error:
            if not self._told:
                self._told = True
                self.problem(f"{error} The chat goes on, unsaved.")

    def leave(self) -> None:
        """What comes next is another conversation."""
        self.current = None

    def resume(self, session: ChatSession, number: int | None) -> None:
        """Give `session` a saved conversation, the last one by default; raises `HistoryError`."""
        number = self.store.latest() if number is None else number
        if number is None:
            raise HistoryError("Nothing is saved yet.")
        saved = self.store.load(number)
        session.reset()
        if saved.system:
            session.change("system", saved.system)
        for message in saved.messages:
            entry = session.conversation.add(message.role, message.content)  # type: ignore[arg-type]
            entry.seed = message.seed
        self.current = number

    def require_current(self) -> int:
        """The number of the conversation at hand; raises `PicochatError` while nothing of it is saved."""
        if self.current is None:
            raise PicochatError("Nothing of this conversation is saved yet.")
        return self.current

    def digest(self, info: ModelInfo) -> str | None:
        """The hash of a model's file, read once."""
        name = str(info.path)
        if name not in self._digests:
            try:
                self._digests[name] = file_digest(info.path)
            except OSError:
                self._digests[name] = None
        return self._digests[name]


def _record(entry: Entry) -> StoredMessage:
    return StoredMessage(entry.message.role, entry.message.content, stop=entry.stop, seed=entry.seed)
