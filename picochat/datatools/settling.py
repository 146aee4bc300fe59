"""What other programs saved as a chat, settled into a conversation to learn from.

Messages of one side in a row become one, so roles alternate. A conversation begins with the user, after a system message
if there is one, and ends with the assistant: nothing is learnt from a question without an answer, and an answer to nothing
teaches to speak unasked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from picochat.text.chat_format import Message

# half a character: JSON can hold it, UTF-8 can't
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass
class Tally:
    """What came of an import: conversations and messages written, and those left out by reason."""

    conversations: int = 0
    messages: int = 0
    assistant: str | None = None
    """Who of the people in a chat became the assistant."""
    conversations_left_out: Counter[str] = field(default_factory=Counter)
    messages_left_out: Counter[str] = field(default_factory=Counter)


def clean(text: str) -> str:
    r"""Text that a UTF-8 file can hold: `\n` at line ends, no spaces before them, none around the whole."""
    text = _SURROGATE.sub("\ufffd", text.replace("\0", "")).replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def settle(messages: Iterable[Message], tally: Tally) -> tuple[Message, ...]:
    """One conversation as it is to be learnt, empty when nothing is left; what is left out is counted in `tally`."""
    opening: list[str] = []
    turns: list[Message] = []
    for message in messages:
        text = clean(message.content)
        if not text:
            # programs put empty system messages in front of everything
            tally.messages_left_out["empty"] += message.role != "system"
        elif message.role == "system":
            if turns:
                tally.messages_left_out["of the system within a conversation"] += 1
            else:
                opening.append(text)
        elif turns and turns[-1].role == message.role:
            last = turns[-1]
            turns[-1] = Message(message.role, f"{last.content}\n{text}", last.learnt and message.learnt)
        else:
            turns.append(Message(message.role, text, message.learnt))
    first = 1 if turns and turns[0].role == "assistant" else 0
    end = len(turns) - 1 if turns and turns[-1].role == "user" else len(turns)
    if end <= first:
        sides = {message.role for message in turns}
        reason = "empty" if not sides else "one-sided" if len(sides) == 1 else "without an answer"
        tally.conversations_left_out[reason] += 1
        return ()
    tally.messages_left_out["before the first question or after the last answer"] += first + len(turns) - end
    system = [Message("system", "\n".join(opening))] if opening else []
    return (*system, *turns[first:end])
