"""The messages of a conversation, and the part of them that fits the model's window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from picochat.chat.footnote import footnote, pace_of
from picochat.chat.records import StoredMessage
from picochat.inference.engine import StopReason, Token
from picochat.text.chat_format import ChatFormat, Message, Part, Rendered, Role


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
        pace = pace_of(known.tokens, known.seconds, known.first_token_seconds)
        return footnote(known.tokens, pace, self.seed, self.stop)


@dataclass(frozen=True)
class Section:
    """Tokens of a prompt that belong together: the document mark, the system prompt, or a message.

    Attributes:
        role: who speaks; `None` for the document mark.
        turn: counts the user's messages, from 1; 0 for what no turn holds.
        entry: the message; `None` for the mark, the system prompt and the answer to come.
        cut: only a stretch of it is here.
    """

    tokens: Rendered
    role: Role | None = None
    turn: int = 0
    entry: Entry | None = None
    cut: bool = False


@dataclass(frozen=True)
class Prompt:
    """What the model gets to see.

    Attributes:
        ids: tokens, ending where the assistant is to speak.
        opening: the last of them, where an answer is gone on with.
        dropped: messages at the conversation's front that no longer fit, in all.
        newly_dropped: those of them that still fitted at the last turn.
        cut: the last message itself was too long, and lost its beginning.
        system_cut: the system prompt took more than half of the window, and lost its end.
        sections: what the tokens of a conversation belong to, in order.
        system: the whole system prompt.
        find_fallen: makes `fallen`.
    """

    ids: list[int]
    opening: tuple[int, ...] = ()
    dropped: int = 0
    newly_dropped: int = 0
    cut: bool = False
    system_cut: bool = False
    sections: tuple[Section, ...] = ()
    system: str | None = None
    find_fallen: Callable[[], tuple[Section, ...]] = tuple

    @property
    def fallen(self) -> tuple[Section, ...]:
        """What is not seen any more: whole messages, and the stretches that were cut off.

        Made when asked for: a long conversation's beginning would be encoded for nothing.
        """
        return self.find_fallen()

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
                self.cut(index)
                return taken
        return []

    def cut(self, length: int) -> None:
        """Forget all messages but the first `length`."""
        del self.entries[length:]
        self.dropped = min(self.dropped, length)

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
        head, lost = self._head(chat, budget // 2)
        system_cut = bool(lost)
        turns = sum(entry.message.role == "user" for entry in self.entries)
        header = chat.reply_header
        reply = Section(Rendered(header, [Part.STRUCTURE] * len(header)), "assistant", max(1, turns))
        self.dropped = self._first_seen(chat, budget - _length([*head, reply]))
        gone = self.entries[: self.dropped]
        messages = _sections(chat, self.entries[self.dropped :], turns)
        shown = [*head, *messages, reply]
        rest: list[Section] = []
        if cut := _length(shown) > budget:
            shown, rest = self._shorten(chat, head, messages, reply, budget)
        return Prompt(
            [token for section in shown for token in section.tokens.ids],
            dropped=self.dropped,
            newly_dropped=self.dropped - before,
            cut=cut,
            system_cut=system_cut,
            sections=tuple(shown),
            system=self.system,
            find_fallen=lambda: (*lost, *_sections(chat, gone, sum(entry.message.role == "user" for entry in gone)), *rest),
        )

    def _head(self, chat: ChatFormat, most: int) -> tuple[list[Section], list[Section]]:
        """The document mark and the system prompt, which may take `most` tokens, and what was cut off of it."""
        mark = Section(Rendered(chat.begin, [Part.STRUCTURE] * len(chat.begin)))
        text = self.system or chat.turns.default_system
        if text is None:
            return [mark], []
        content = chat.tokenizer.encode(text)
        room = max(0, most - len(mark.tokens) - len(chat.wrap("system", [])))
        rest = content[room:]
        system = Section(chat.message("system", content[:room]), "system", cut=bool(rest))
        return [mark, system], [replace(system, tokens=Rendered(rest, [Part.SYSTEM] * len(rest)))] if rest else []

    def _first_seen(self, chat: ChatFormat, room: int) -> int:
        """Where the newest turns begin that `room` tokens hold; the last turn is among them also when it is too long."""
        first, used = None, 0
        for index in range(len(self.entries) - 1, self.dropped - 1, -1):
            used += len(_encoded(chat, self.entries[index]))
            if first is not None and used > room:
                break
            if self.entries[index].message.role == "user" or index == self.dropped:
                first = index
                if used > room:
                    break
        return self.dropped if first is None else first

    def _shorten(
        self, chat: ChatFormat, head: list[Section], messages: list[Section], reply: Section, budget: int
    ) -> tuple[list[Section], list[Section]]:
        """The last user message alone, without its beginning, and what falls off by that.

        Of a window too small even for a part of the message, the end.
        """
        last = next(section for section in reversed(messages) if section.role == "user")
        content = last.entry.ids if last.entry is not None and last.entry.ids is not None else []
        frame = _length([*head, reply]) + len(chat.wrap("user", []))
        border = max(0, len(content) - max(1, budget - frame))
        kept = replace(last, tokens=chat.message("user", content[border:]), cut=border > 0)
        lost = replace(last, tokens=Rendered(content[:border], [Part.USER] * border), cut=True)
        front, end = _split([*head, kept, reply], _length([*head, kept, reply]) - budget)
        others = [section for section in messages if section is not last]
        return end, [*([lost] if border else []), *front, *others]


def _encoded(chat: ChatFormat, entry: Entry) -> Rendered:
    """A message as the model reads it; it is encoded once."""
    if entry.ids is None:
        entry.ids = chat.tokenizer.encode(entry.message.content)
    return chat.message(entry.message.role, entry.ids)


def _sections(chat: ChatFormat, entries: Sequence[Entry], turns: int) -> list[Section]:
    """Messages as sections; the last of the user's among them is of turn `turns`."""
    turn = turns - sum(entry.message.role == "user" for entry in entries)
    sections = []
    for entry in entries:
        turn += entry.message.role == "user"
        sections.append(Section(_encoded(chat, entry), entry.message.role, turn, entry))
    return sections


def _split(sections: Iterable[Section], border: int) -> tuple[list[Section], list[Section]]:
    """The first `border` tokens and those after them; a section on the border is cut."""
    front: list[Section] = []
    end: list[Section] = []
    for section in sections:
        here = min(max(border, 0), len(section.tokens))
        border -= here
        if here == len(section.tokens):
            front.append(section)
        elif not here:
            end.append(section)
        else:
            front.append(replace(section, tokens=section.tokens[:here], cut=True))
            end.append(replace(section, tokens=section.tokens[here:], cut=True))
    return front, end


def _length(sections: Sequence[Section]) -> int:
    return sum(len(section.tokens) for section in sections)
