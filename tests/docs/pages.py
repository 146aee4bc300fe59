"""The pages of the documentation, and the code in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]

PYTHON = ("import ", "from ")
"""How Python begins that stands in no fence."""


@dataclass(frozen=True)
class Block:
    """Lines that are shown as code.

    Attributes:
        language: what the fence says, "python" also for an indented block of it; empty where nothing tells.
        line: the number of its first line.
    """

    page: str
    language: str
    text: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    """The fenced and the indented blocks of a page, in order."""
    return blocks_of((ROOT / page).read_text(encoding="utf-8"), page)


def blocks_of(markdown: str, page: str = "") -> Iterator[Block]:
    lines = markdown.splitlines()
    number = 0
    while number < len(lines):
        first = number + 1
        if lines[number].startswith("```"):
            language = lines[number][3:].strip()
            end = next(index for index in range(first, len(lines)) if lines[index].startswith("```"))
            yield Block(page, language, "\n".join(lines[first:end]), first + 1)
            number = end + 1
        elif lines[number].startswith("    ") and (number == 0 or not lines[number - 1].strip()):
            while number < len(lines) and (lines[number].startswith("    ") or not lines[number].strip()):
                number += 1
            text = textwrap.dedent("\n".join(lines[first - 1 : number])).rstrip()
            yield Block(page, "python" if text.startswith(PYTHON) else "", text, first)
        else:
            number += 1


def spans(page: str) -> Iterator[str]:
    """What stands between backticks in the prose of a page."""
    prose = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return (match.replace("\n", " ") for match in re.findall(r"`([^`]+)`", prose))


def links(page: str) -> Iterator[Path]:
    """The files that a page links to or shows."""
    for target in re.findall(r"\]\(([^)#\s]+)", (ROOT / page).read_text(encoding="utf-8")):
        if ":" not in target:
            yield (ROOT / page).parent / target
