"""ShareGPT's records, `{"conversations": [{"from": "human", "value": "..."}, ...]}`, and what they share with OpenAI's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from picochat.datatools.settling import Tally
from picochat.text.chat_format import Message, Role, read_weight

SHAPE = '{"conversations": [{"from": "human" or "gpt", "value": "..."}, ...]}'
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
}
_MACHINERY = {"tool", "function", "function_call", "function_response", "observation", "ipython"}
"""Speakers that are programs, neither side of the conversation."""


def read_record(record: dict[str, Any], tally: Tally) -> Iterator[Message]:
    """The messages of a record; raises `ValueError`, `TypeError` or `KeyError` where it is not of this shape."""
    return read_turns(record["conversations"], tally)


def read_turns(turns: Any, tally: Tally) -> Iterator[Message]:
    """The messages of a list of objects, which may name them `from` and `value` or `role` and `content`."""
    if not isinstance(turns, list):
        raise TypeError("the messages must be a list")
    for turn in turns:
        if not isinstance(turn, dict):
            raise TypeError("a message must be an object")
        speaker = turn["role"] if "role" in turn else turn["from"]
        content = turn["content"] if "content" in turn else turn["value"]
        if speaker in _MACHINERY:
            tally.messages_left_out["of tools"] += 1
        elif speaker in _ROLES:
            yield Message(_ROLES[speaker], text_of(content), read_weight(turn))
        else:
            raise ValueError(f"nobody is called {str(speaker)[:40]!r}")


def text_of(content: Any) -> str:
    """The text of a content: a string, nothing, or parts of which some are text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise TypeError("the words must be a string or a list of parts")
    parts = [part.get("text") if isinstance(part, dict) and part.get("type", "text") == "text" else part for part in content]
    return "\n".join(part for part in parts if isinstance(part, str))
