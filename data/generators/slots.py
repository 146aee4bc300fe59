"""Words that vary in written text: `{x} = cat | dog` gives the values, `{x}` and its forms stand where they go."""

import re
from collections.abc import Iterable, Mapping

ASCII = re.compile(r"[ -~]+")
"""A line that can be read: plain ASCII."""
_LINE = re.compile(r"\{(\w+)\} = (.+)")
_USED = re.compile(r"\{(\w+)(?::[aspc])?\}")


def slot_line(line: str) -> tuple[str, tuple[str, ...]] | None:
    """The slot that a line gives values to, with these; `None` for any other line."""
    found = _LINE.fullmatch(line)
    return (found[1], wordings(found[2])) if found else None


def wordings(text: str) -> tuple[str, ...]:
    """What stands between bars."""
    return tuple(each.strip() for each in text.split("|"))


def check_slots(lines: Iterable[str], slots: Mapping[str, object], where: str) -> None:
    """Hold the lines against the slots that there are.

    Raises:
        ValueError: a line uses a slot without values, or has a brace that is none.
    """
    for line in lines:
        if unknown := set(_USED.findall(line)) - set(slots):
            raise ValueError(f"{where}: {line!r} uses the slot {min(unknown)!r}, which has no values.")
        if "{" in _USED.sub("", line):
            raise ValueError(f"{where}: {line!r} has a brace that is no slot.")
