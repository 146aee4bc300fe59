"""Conversations as picochat reads them: lines of JSON, or text (see `picochat.text.corpus`)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from picochat.text.chat_format import Message, Part

SUFFIXES = (".jsonl", ".txt")
_ROLE = re.compile("(System|User|Assistant):")
_OPENING = 100_000
"""Characters after which a reader may have stopped to look for the first answer."""


def as_jsonl(messages: Sequence[Message]) -> str:
    """One conversation as a line."""
    return json.dumps({"messages": [_record(message) for message in messages]}, ensure_ascii=False) + "\n"


def _record(message: Message) -> dict[str, object]:
    weight = {"weight": 0} if message.part == Part.GIVEN else {}
    return {"role": message.role, "content": message.content, **weight}


def as_text(messages: Sequence[Message]) -> str | None:
    """One settled conversation as text, with the blank line that ends it; `None` when text can't hold it.

    A blank line within a message would end the conversation, a line like "User:" would begin a message, and all answers
    of a text are learnt.
    """
    for message in messages:
        lines = message.content.split("\n")
        if not all(lines) or any(_ROLE.match(line) for line in lines[1:]) or message.part == Part.GIVEN:
            return None
    before = sum(len(message.content) for message in messages[: 2 if messages[0].role == "system" else 1])
    if before > _OPENING:
        return None
    return "".join(f"{message.role.capitalize()}: {message.content}\n" for message in messages) + "\n"
