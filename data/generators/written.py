"""The conversations of data/conversations, written out whole: one turn a line, a blank line between two of them."""

import re
from functools import cache
from pathlib import Path

from .chat import GREETS

FOLDER = Path(__file__).resolve().parent.parent / "conversations"

_LINE = re.compile(r"(User|Assistant): \S[ -~]*")
_TAKES_UP = re.compile(
    r"(welcome|nice to meet|pleased to meet|good night|ok|okay|so|well|back again|me again)\b", re.IGNORECASE
)


def read_conversations(folder: Path = FOLDER) -> list[str]:
    """All conversations of a folder, in the order of its files' names.

    Raises:
        ValueError: a line breaks the format; the message names file and line.
    """
    conversations: list[str] = []
    for path in sorted(folder.glob("*.txt"), key=lambda path: path.name):
        conversations += parse(path)
    return conversations


def parse(path: Path) -> list[str]:
    """All conversations of one file.

    Raises:
        ValueError: a line breaks the format; the message names file and line.
    """
    conversations: list[str] = []
    lines: list[str] = []
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text: {error}.") from None
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        line = line.rstrip()
        if line:
            role = ("User: ", "Assistant: ")[len(lines) % 2]
            if not _LINE.fullmatch(line) or not line.startswith(role):
                problem = f"expected a line of plain ASCII that starts with {role!r}, not {line[:60]!r}"
                raise ValueError(f"{path}, line {number}: {problem}.")
            lines.append(line)
        elif lines:
            if len(lines) % 2:
                raise ValueError(f"{path}, line {number}: the conversation before it ends without an answer.")
            conversations.append("\n".join(lines))
            lines = []
    return conversations


@cache
def all_written() -> tuple[tuple[str, ...], ...]:
    """The messages and answers of all conversations, in turns."""
    return tuple(tuple(line.partition(": ")[2] for line in each.splitlines()) for each in read_conversations(FOLDER))


@cache
def that_begin_anywhere() -> tuple[tuple[str, ...], ...]:
    """Those whose first message could as well come in the middle of another conversation."""
    return tuple(each for each in all_written() if not any(GREETS.match(text) or _TAKES_UP.match(text) for text in each[:2]))
