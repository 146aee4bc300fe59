"""The pages of the documentation, and the code in them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    "README.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    *(f"{folder}/README.md" for folder in ("models", "data", "benchmarks")),
]

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


def prose(page: str) -> str:
    """A page without its blocks of code."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    for block in reversed(list(blocks(page))):
        del lines[block.line - 1 : block.line + block.text.count("\n")]
    return "\n".join(line for line in lines if not line.startswith("```"))


def spans(page: str) -> list[str]:
    """What stands between backticks in the prose of a page."""
    return [match.replace("\n", " ") for match in re.findall(r"`([^`]+)`", prose(page))]


def links(page: str) -> list[str]:
    """What a page links to or shows, where that is in the project."""
    found = re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", re.sub(r"`[^`]+`", "x", prose(page)))
    return [target for target in found if not re.match(r"[a-z]+:", target)]


def anchors(page: str) -> set[str]:
    """What the headings of a page are called in links, as GitHub makes it of them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
