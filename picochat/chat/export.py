"""Conversations as files for people and for programs."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any

import yaml

from picochat.chat.records import StoredConversation, StoredMessage
from picochat.text.safe import printable

SPEAKERS = {"system": "System", "user": "You", "assistant": "picochat"}

# code, HTML, links and pictures, and the escapes themselves
_MARKUP = re.compile(r"[\\`<\[]")
# how a heading, list, quote, rule, fence, table, definition or the label of a speaker begins
_STRUCTURE = re.compile(r"^[#>*+\-_=~|:]+")
_NUMBERED = re.compile(r"^(\d+)([.)])")
# of the year 9999, where Python's dates end
_LAST_SECOND = 253402300799
_SURROGATE = re.compile("[\ud800-\udfff]")


def to_markdown(conversation: StoredConversation) -> str:
    """Front matter, then a block for each message; a message's lines stay lines, and none becomes structure."""
    answer = next((message for message in reversed(conversation.messages) if message.role == "assistant"), None)
    facts: dict[str, Any] = {"title": printable(conversation.title), "created": timestamp(conversation.created)}
    if answer is not None:
        facts |= _present(model=answer.model, digest=answer.model_digest)
        facts |= _present(settings=answer.settings | _present(seed=answer.seed))
    facts |= _origin(conversation)
    front = yaml.safe_dump(_plain(facts), allow_unicode=True, sort_keys=False, width=float("inf"))
    blocks = [_block("system", conversation.system)] if conversation.system else []
    blocks += [_block(message.role, message.content) for message in conversation.messages]
    return "\n".join([f"---\n{front}---\n", *blocks])


def to_json(conversation: StoredConversation) -> str:
    """One JSON object on one line, which is also a line of training data: `{"messages": [...]}` and what is known of it."""
    system = [{"role": "system", "content": conversation.system}] if conversation.system else []
    facts = {
        "id": conversation.id,
        "title": conversation.title,
        "created": timestamp(conversation.created),
        "updated": timestamp(conversation.updated),
        **_origin(conversation),
        "messages": [*system, *map(_facts, conversation.messages)],
    }
    text = json.dumps(facts, ensure_ascii=False)
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def timestamp(seconds: float) -> str:
    """A time as ISO 8601, in UTC."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND), timezone.utc).isoformat(timespec="seconds")


def local_time(seconds: float) -> str:
    """A time for people: theirs, to the minute."""
    return datetime.fromtimestamp(min(max(seconds, 0), _LAST_SECOND - 86400)).strftime("%Y-%m-%d %H:%M")


def _origin(conversation: StoredConversation) -> dict[str, Any]:
    """Whose branch it is, and whether it is a single prompt."""
    mode = "single" if conversation.mode == "single" else None
    return _present(mode=mode, parent=conversation.parent, parent_position=conversation.parent_position)


def _facts(message: StoredMessage) -> dict[str, Any]:
    return {
        "role": message.role,
        "content": message.content,
        "created": timestamp(message.created),
        **_present(
            stop=message.stop,
            seed=message.seed,
            settings=message.settings,
            model=message.model,
            model_digest=message.model_digest,
            tokens=message.tokens,
            seconds=message.seconds,
            first_token_seconds=message.first_token_seconds,
        ),
    }


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, {})}


def _plain(value: Any) -> Any:
    """Values that YAML has a place for."""
    if isinstance(value, str):
        return _well_formed(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _block(role: str, content: str) -> str:
    lines = [_literal(line) for line in content.splitlines()]
    # two spaces at its end keep a line from running into the next
    ends = ["  " if line and after else "" for line, after in zip(lines, [*lines[1:], ""], strict=False)]
    text = "\n".join(line + end for line, end in zip(lines, ends, strict=True)).strip("\n")
    return f"**{SPEAKERS[role]}:**\n\n{text}\n"


def _literal(line: str) -> str:
    """One line of a message as Markdown that shows it, whatever it begins with; only emphasis inside it stays emphasis."""
    line = _MARKUP.sub(r"\\\g<0>", printable(_well_formed(line)).replace("\t", "    "))
    text = line.lstrip(" ")
    # indented text would be code: a no-break space is indentation to the eye only
    indent = "\u00a0" * (len(line) - len(text)) if text else ""
    text = _STRUCTURE.sub(lambda match: "".join(f"\\{mark}" for mark in match[0]), text)
    return indent + _NUMBERED.sub(r"\1\\\2", text).rstrip(" ")


def _well_formed(text: str) -> str:
    return _SURROGATE.sub("\ufffd", text)
