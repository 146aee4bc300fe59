"""OpenAI's two shapes: records of fine-tuning, `{"messages": [...]}`, and the export of one's ChatGPT conversations.

An exported conversation is a tree, as questions can be edited and answers made anew: `mapping` has a node for each message,
with its parent, and `current_node` is the last one of the branch that is shown. That branch is the conversation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from picochat.datatools.settling import Tally
from picochat.datatools.sharegpt import read_turns, text_of
from picochat.text.chat_format import Message

SHAPE = '{"messages": [{"role": "user" or "assistant", "content": "..."}, ...]} or an exported {"mapping": ...}'
_READ = {"text", "multimodal_text"}
"""Contents that are shown; the others are code, searches, thoughts and settings."""


def read_record(record: dict[str, Any], tally: Tally) -> Iterator[Message]:
    """The messages of a record; raises `ValueError`, `TypeError` or `KeyError` where it is not of this shape."""
    if "mapping" in record:
        return _exported(record, tally)
    return read_turns(record["messages"], tally)


def _exported(record: dict[str, Any], tally: Tally) -> Iterator[Message]:
    for message in _branch(record):
        metadata = message.get("metadata") or {}
        content = message.get("content") or {}
        role = message["author"]["role"]
        if metadata.get("is_visually_hidden_from_conversation"):
            continue
        if content.get("content_type") not in _READ or role == "tool" or (message.get("recipient") or "all") != "all":
            tally.messages_left_out["of tools"] += 1
        else:
            yield Message(role, text_of(content.get("parts")))


def _branch(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages from the first to the one that is shown last."""
    nodes, name = record["mapping"], record.get("current_node")
    seen: set[str] = set()
    found = []
    while name is not None:
        if name in seen:
            raise ValueError("its messages go round in a circle")
        seen.add(name)
        node = nodes[name]
        if node.get("message"):
            found.append(node["message"])
        name = node.get("parent")
    return found[::-1]
