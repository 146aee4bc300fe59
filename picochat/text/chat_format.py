"""Messages and the tokens that carry them.

ChatML, one document mark in front:

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
from typing import Literal, get_args

from picochat.errors import DataError
from picochat.text.tokenizer import Tokenizer

Role = Literal["system", "user", "assistant"]
ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True)
class Message:
    """What one side said."""

    role: Role
    content: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise DataError(f"A message's role must be one of {', '.join(ROLES)}, not {self.role!r}.")


class Part(IntEnum):
    """What a token of a document belongs to."""

    STRUCTURE = 0
    """Marks, role headers and the breaks between messages."""
    TEXT = 1
    SYSTEM = 2
    USER = 3
    ASSISTANT = 4
    """The assistant's words and the end of its turn: what fine-tuning learns."""


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
    """Renders messages with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self._headers = {role: [tokenizer.im_start, *tokenizer.encode(f"{role}\n")] for role in ROLES}
        self._newline = tokenizer.encode("\n")

    def message(self, role: Role, content: Sequence[int]) -> Rendered:
        """One whole message around its content's ids: header, content, end of turn, newline."""
        before, after = self._headers[role], self._newline
        parts = [Part.STRUCTURE] * len(before) + [Part[role.upper()]] * (len(content) + 1) + [Part.STRUCTURE] * len(after)
        return Rendered([*before, *content, self.tokenizer.im_end, *after], parts)

    def wrap(self, role: Role, content: Sequence[int]) -> list[int]:
        """Ids of one whole message around its content's."""
        return self.message(role, content).ids

    def render(self, messages: Sequence[Message]) -> Rendered:
        """A conversation as a training document."""
        ids, parts = [self.tokenizer.end_of_text], [Part.STRUCTURE]
        for message in messages:
            rendered = self.message(message.role, self.tokenizer.encode(message.content))
            ids += rendered.ids
            parts += rendered.parts
        return Rendered(ids, parts)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Ids that end where the assistant is to speak."""
        return [*self.render(messages).ids, *self._headers["assistant"]]

    @property
    def reply_header(self) -> list[int]:
        """Ids that open the assistant's turn."""
        return list(self._headers["assistant"])

    def document(self, text: str) -> Rendered:
        """A plain text as a training document."""
        ids = self.tokenizer.encode(text)
        return Rendered([self.tokenizer.end_of_text, *ids], [Part.STRUCTURE, *[Part.TEXT] * len(ids)])
