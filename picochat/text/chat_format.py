"""Messages and the tokens that carry them.

How turns look, the tokenizer's `TurnFormat` tells; picochat's own is ChatML with one document mark in front:

    <|endoftext|><|im_start|>user
    Hi there!<|im_end|>
    <|im_start|>assistant
    Hello!<|im_end|>

The markers are ids put in by this module. Text between them is encoded as text only, so nothing that a user types can open
or close a turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, get_args

from picochat.errors import DataError
from picochat.text.tokenizer import Tokenizer

Role = Literal["system", "user", "assistant"]
ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True)
class Message:
    """What one side said.

    Attributes:
        learnt: whether fine-tuning learns it where the assistant says it; otherwise it is only what came before.
    """

    role: Role
    content: str
    learnt: bool = True

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise DataError(f"A message's role must be one of {', '.join(ROLES)}, not {self.role!r}.")

    @property
    def part(self) -> Part:
        """What its words belong to."""
        return Part[self.role.upper()] if self.learnt or self.role != "assistant" else Part.GIVEN


def read_weight(entry: dict[str, Any]) -> bool:
    """Whether a message of JSON is to be learnt: its `weight` (as in OpenAI's fine-tuning records) is 1, or not told.

    Raises:
        ValueError: another weight than 0 and 1.
    """
    weight = entry.get("weight")
    if weight not in (None, 0, 1):
        raise ValueError(f"weight must be 0 or 1, not {str(weight)[:40]}")
    return weight != 0


class Part(IntEnum):
    """What a token of a document belongs to."""

    STRUCTURE = 0
    """Marks, role headers and the breaks between messages."""
    TEXT = 1
    SYSTEM = 2
    USER = 3
    ASSISTANT = 4
    """The assistant's words and the end of its turn: what fine-tuning learns."""
    GIVEN = 5
    """The same of an answer that is not to be learnt."""


@dataclass(frozen=True)
class Rendered:
    """Token ids of a document, and the `Part` of each."""

    ids: list[int]
    parts: list[Part]

    def __len__(self) -> int:
        return len(self.ids)

    def __add__(self, other: Rendered) -> Rendered:
        return Rendered(self.ids + other.ids, self.parts + other.parts)

    def __getitem__(self, stretch: slice) -> Rendered:
        return Rendered(self.ids[stretch], self.parts[stretch])


class ChatFormat:
    """Renders messages with one tokenizer, in its turn format.

    Attributes:
        begin: ids of the very beginning of a conversation.
        ends: ids that end the assistant's turn.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.turns = tokenizer.turns
        self.begin = tokenizer.encode_marked(self.turns.begin)
        self.ends = tokenizer.ends
        self._reply = tokenizer.encode_marked(self.turns.reply)
        self._frames = {role: self._frame(role) for role in ROLES}

    def _frame(self, role: str) -> tuple[Rendered, Rendered]:
        texts = self.turns.frame(role)
        before, after = self.tokenizer.encode_marked(texts.before), self.tokenizer.encode_marked(texts.after)
        # up to the token that ends the turn it is the role's: the assistant has to learn to stop
        said = next((place + 1 for place, token in enumerate(after) if token in self.ends), 0)
        parts = [Part[role.upper()]] * said + [Part.STRUCTURE] * (len(after) - said)
        return Rendered(before, [Part.STRUCTURE] * len(before)), Rendered(after, parts)

    def frame(self, role: Role) -> tuple[Rendered, Rendered]:
        """What stands before and after the content of a message."""
        return self._frames[role]

    def message(self, role: Role, content: Sequence[int]) -> Rendered:
        """One whole message around its content's ids: in ChatML header, content, end of turn, newline."""
        before, after = self._frames[role]
        return before + Rendered(list(content), [Part[role.upper()]] * len(content)) + after

    def wrap(self, role: Role, content: Sequence[int]) -> list[int]:
        """Ids of one whole message around its content's."""
        return self.message(role, content).ids

    def complete(self, messages: Sequence[Message]) -> list[Message]:
        """The messages with the format's own system message in front, where it has one and they don't."""
        default = self.turns.default_system
        if default is None or (messages and messages[0].role == "system"):
            return list(messages)
        return [Message("system", default), *messages]

    def render(self, messages: Sequence[Message]) -> Rendered:
        """A conversation as a training document."""
        ids, parts = list(self.begin), [Part.STRUCTURE] * len(self.begin)
        for message in self.complete(messages):
            rendered = self.message(message.role, self.tokenizer.encode(message.content))
            ids += rendered.ids
            parts += [message.part if part != Part.STRUCTURE else part for part in rendered.parts]
        return Rendered(ids, parts)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Ids that end where the assistant is to speak."""
        return [*self.render(messages).ids, *self._reply]

    @property
    def reply_header(self) -> list[int]:
        """Ids that open the assistant's turn."""
        return list(self._reply)

    def document(self, text: str) -> Rendered:
        """A plain text as a training document."""
        ids = self.tokenizer.encode_document(text)
        return Rendered([self.tokenizer.start_of_text, *ids], [Part.STRUCTURE, *[Part.TEXT] * len(ids)])
