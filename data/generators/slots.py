"""Written text with words that vary: `{x} = cat | dog` gives the values, `{x}` and its forms stand where they go."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_ASCII = re.compile(r"[ -~]+")
_LINE = re.compile(r"\{(\w+)\} = (.+)")
_USED = re.compile(r"\{(\w+)(?::[aspc])?\}")


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """The lines of a file that are not empty, each with the place that messages name.

    Raises:
        ValueError: a line is not plain ASCII.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        where, line = f"{path}, line {number}", line.rstrip()
        if line and not _ASCII.fullmatch(line):
            raise ValueError(f"{where}: only plain ASCII is read, not {line[:60]!r}.")
        if line:
            yield where, line


def all_of(folder: Path, parse: Callable[[Path], list[T]]) -> tuple[T, ...]:
    """What all text files of a folder hold, in the order of their names."""
    paths = sorted(folder.glob("*.txt"), key=lambda path: path.name)
    return tuple(each for path in paths for each in parse(path))


def slot_line(line: str) -> tuple[str, tuple[str, ...]] | None:
    """The slot that a line gives values to, with these; `None` for any other line."""
    found = _LINE.fullmatch(line)
    return (found[1], wordings(found[2])) if found else None


def wordings(text: str) -> tuple[str, ...]:
    """What stands between bars."""
    return tuple(each.strip() for each in text.split("|"))


def slots_in(texts: Iterable[str]) -> set[str]:
    """The slots that texts use."""
    return {slot for text in texts for slot in _USED.findall(text)}


def check_slots(lines: Iterable[str], slots: Collection[str], where: str) -> None:
    """Hold the lines against the slots that there are.

    Raises:
        ValueError: a line uses a slot without values, or has a brace that is none.
    """
    for line in lines:
        if unknown := slots_in([line]) - set(slots):
            raise ValueError(f"{where}: {line!r} uses the slot {min(unknown)!r}, which has no values.")
        if "{" in _USED.sub("", line):
            raise ValueError(f"{where}: {line!r} has a brace that is no slot.")
