"""How a model writes conversations: what stands around each message, as text with special tokens by name.

picochat's own models use ChatML with a document mark in front. A model from elsewhere comes with fixed tokens and turns of
its own, which travel with its tokenizer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from picochat.errors import CheckpointError

END_OF_TEXT = "<|endoftext|>"
IM_START = "<|im_start|>"
IM_END = "<|im_end|>"

_LONGEST = 20_000
"""Characters of one part: more is no turn format."""


@dataclass(frozen=True)
class Frame:
    """What stands before and after the content of a role's message."""

    before: str
    after: str


@dataclass(frozen=True)
class TurnFormat:
    """The texts around the messages of a conversation; in them the names of special tokens stand for these tokens.

    Attributes:
        begin: the very beginning of a conversation.
        reply: what opens the assistant's turn in a prompt.
        ends: tokens that end the assistant's turn.
        start_of_text: the token in front of a plain text.
        end_of_text: the token that ends a plain text.
        default_system: the system message of a conversation that has none of its own.
    """

    system: Frame
    user: Frame
    assistant: Frame
    begin: str
    reply: str
    ends: tuple[str, ...]
    start_of_text: str
    end_of_text: str
    default_system: str | None = None

    def frame(self, role: str) -> Frame:
        """What stands around the messages of a role."""
        return {"system": self.system, "user": self.user, "assistant": self.assistant}[role]

    @property
    def tokens(self) -> tuple[str, ...]:
        """The special tokens that must be in the vocabulary, each once."""
        return tuple(dict.fromkeys((self.start_of_text, self.end_of_text, *self.ends)))

    def render(self, messages: list[tuple[str, str]], *, reply: bool = False) -> str:
        """The text of a conversation of (role, content), up to where the assistant is to speak with `reply`."""
        if self.default_system is not None and (not messages or messages[0][0] != "system"):
            messages = [("system", self.default_system), *messages]
        parts = [f"{self.frame(role).before}{content}{self.frame(role).after}" for role, content in messages]
        return "".join([self.begin, *parts, *([self.reply] if reply else [])])

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain strings, lists and dicts."""
        return {**asdict(self), "ends": list(self.ends)}

    @classmethod
    def from_dict(cls, values: object) -> TurnFormat:
        """Rebuild it from `to_dict`; raises `CheckpointError` where fields are missing, unknown or wrong."""
        if not isinstance(values, dict) or set(values) != {field.name for field in fields(cls)}:
            raise CheckpointError("The turn format does not match this version of picochat.")
        known = dict(values)
        ends = known["ends"]
        if not isinstance(ends, (list, tuple)) or not 0 < len(ends) <= 64:
            raise CheckpointError("The turn format must name from 1 to 64 tokens that end a turn.")
        known["ends"] = tuple(ends)
        for role in ("system", "user", "assistant"):
            frame = known[role]
            if not isinstance(frame, dict) or set(frame) != {"before", "after"}:
                raise CheckpointError(f"The turn format must tell what stands before and after a message ({role}).")
            known[role] = Frame(**frame)
        texts = list(_texts({name: value for name, value in known.items() if value is not None or name != "default_system"}))
        if not all(isinstance(text, str) and len(text) <= _LONGEST for text in texts):
            raise CheckpointError(f"The turn format must be made of texts of at most {_LONGEST:,} characters.")
        turns = cls(**known)
        if not all(turns.tokens):
            raise CheckpointError("The turn format names an empty token.")
        return turns


def _texts(values: dict[str, Any]) -> Iterator[object]:
    for value in values.values():
        if isinstance(value, Frame):
            yield from (value.before, value.after)
        elif isinstance(value, tuple):
            yield from value
        else:
            yield value


CHATML = TurnFormat(
    system=Frame(f"{IM_START}system\n", f"{IM_END}\n"),
    user=Frame(f"{IM_START}user\n", f"{IM_END}\n"),
    assistant=Frame(f"{IM_START}assistant\n", f"{IM_END}\n"),
    begin=END_OF_TEXT,
    reply=f"{IM_START}assistant\n",
    # also the one that would open another turn
    ends=(IM_END, END_OF_TEXT, IM_START),
    start_of_text=END_OF_TEXT,
    end_of_text=END_OF_TEXT,
)
"""picochat's own."""


def plain_turns(start_of_text: str, end_of_text: str) -> TurnFormat:
    """Turns for a model that was never taught any, with the two tokens that every model has."""
    return TurnFormat(
        system=Frame("System:\n", "\n\n"),
        user=Frame("User:\n", "\n\n"),
        assistant=Frame("Assistant:\n", f"{end_of_text}\n\n"),
        begin=start_of_text,
        reply="Assistant:\n",
        ends=(end_of_text,),
        start_of_text=start_of_text,
        end_of_text=end_of_text,
    )
