"""The messages of a conversation, and the part of them that fits the model's window."""

from __future__ import annotations

from dataclasses import dataclass, field

from picochat.chat.footnote import footnote, tokens_per_second
from picochat.chat.records import StoredMessage
from picochat.inference.engine import StopReason, Token
from picochat.text.chat_format import ChatFormat, Message, Role


@dataclass(eq=False)
class Entry:
    """One message, with what is known of how it came to be.

    Attributes:
        ids: the content's tokens under the loaded model; for an answer exactly those generated, so that the cached prefix
            stays valid. `None` is "to be encoded".
        tokens: the records of an answer.
        stop: why an answer ended.
        seed: what an answer was drawn with.
        record: an answer as it is saved, with all that is known of how it came to be.
    """

    message: Message
    ids: list[int] | None = None
    tokens: list[Token] = field(default_factory=list)
    stop: StopReason | None = None
    seed: int | None = None
    record: StoredMessage | None = None

    @property
    def footnote(self) -> str:
        """What to say below an answer; empty where nothing is known of it, and for other messages."""
        known = self.record or StoredMessage("assistant", "")
        speed = tokens_per_second(known.tokens, known.seconds, known.first_token_seconds)
        return footnote(known.tokens, speed, self.seed, self.stop)


@dataclass(frozen=True)
class Prompt:
    """What the model gets to see.

    Attributes:
        ids: tokens, ending where the assistant is to speak.
        dropped: messages at the conversation's front that no longer fit, in all.
        newly_dropped: those of them that still fitted at the last turn.
        cut: the last message itself was too long, and lost its beginning.
        system_cut: the system prompt took more than half of the window, and lost its end.
    """

    ids: list[int]
    dropped: int = 0
    newly_dropped: int = 0
    cut: bool = False
    system_cut: bool = False

    def notes(self) -> list[str]:
        """What a user should know of it, in sentences."""
        notes = []
        if self.newly_dropped:
            notes.append(f"The oldest {self.dropped} messages no longer fit the model's window; it has forgotten them.")
        if self.system_cut:
            notes.append("The system prompt is longer than half of the model's window: only its beginning is seen.")
        if self.cut:
            notes.append("That message is longer than the model's window: only its end is seen.")
        return notes


@dataclass
class Conversation:
    """Messages in order; the first `dropped` of them are beyond the window and stay so."""

    entries: list[Entry] = field(default_factory=list)
    system: str | None = None
    dropped: int = 0

    def add(self, role: Role, content: str, *, ids: list[int] | None = None) -> Entry:
        """Append a message."""
        self.entries.append(Entry(Message(role, content), ids))
        return self.entries[-1]

    def undo(self) -> list[Entry]:
        """Take back the last user message and all after it; returns what was taken."""
        for index in range(len(self.entries) - 1, -1, -1):
            if self.entries[index].message.role == "user":
                taken = self.entries[index:]
                del self.entries[index:]
                self.dropped = min(self.dropped, len(self.entries))
                return taken
        return []

    def reset(self) -> None:
        """Forget all messages; the system prompt stays."""
        self.entries.clear()
        self.dropped = 0

    def forget_ids(self) -> None:
        """Another tokenizer is in charge: encode everything anew, and see what fits it."""
        for entry in self.entries:
            entry.ids = None
            entry.tokens = []
        self.dropped = 0

    def prompt(self, chat: ChatFormat, context: int, reserve: int) -> Prompt:
        """Fit the conversation into the window.

        Whole turns go, oldest first; a turn is a user message with its answer. The system prompt and the last message stay.
        A last message too long for the window by itself keeps its end.

        Args:
            context: the model's window, in tokens.
            reserve: tokens to leave free for the answer.
        """
        budget = max(1, context - reserve)
        before = self.dropped
        parts = [self._render(chat, entry) for entry in self.entries]
        head, system_cut = self._head(chat, budget // 2)
        room = budget - len(head) - len(chat.reply_header)
        while sum(map(len, parts[self.dropped :])) > room and self._next_turn() < len(self.entries):
            self.dropped = self._next_turn()
        ids = [*head, *(token for part in parts[self.dropped :] for token in part), *chat.reply_header]
        cut = len(ids) > budget
        if cut:
            ids = self._shorten(chat, head, budget)
        return Prompt(ids, self.dropped, self.dropped - before, cut, system_cut)

    def _head(self, chat: ChatFormat, most: int) -> tuple[list[int], bool]:
        """The document mark and the system prompt, which may take `most` tokens, and whether it was cut."""
        start = [chat.tokenizer.end_of_text]
        if not self.system:
            return start, False
        content = chat.tokenizer.encode(self.system)
        room = max(0, most - len(start) - len(chat.wrap("system", [])))
        return [*start, *chat.wrap("system", content[:room])], len(content) > room

    def _render(self, chat: ChatFormat, entry: Entry) -> list[int]:
        if entry.ids is None:
            entry.ids = chat.tokenizer.encode(entry.message.content)
        return chat.wrap(entry.message.role, entry.ids)

    def _next_turn(self) -> int:
        """Where the second turn of those still in the window begins; the end when there is only one."""
        for index in range(self.dropped + 1, len(self.entries)):
            if self.entries[index].message.role == "user":
                return index
        return len(self.entries)

    def _shorten(self, chat: ChatFormat, head: list[int], budget: int) -> list[int]:
        """The last user message alone, without its beginning; of a window too small even for that, the end."""
        last = next(entry for entry in reversed(self.entries) if entry.message.role == "user")
        frame = len(head) + len(chat.wrap("user", [])) + len(chat.reply_header)
        content = (last.ids or [])[-max(1, budget - frame) :]
        return [*head, *chat.wrap("user", content), *chat.reply_header][-budget:]
