"""Plain dialogue: "Anna: ..." and "Ben: ..." at the beginning of lines, with any names.

A line that no speaker begins goes on with the message before it. Blank lines end a conversation where most of the parts
between them have two speakers, as in picochat's own format; else they mean nothing, as between the turns of a transcript.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from picochat.datatools.json_records import read_lines
from picochat.datatools.settling import Tally
from picochat.errors import DataError

_LINE = re.compile(r"([^\W\d_][\w.'’-]*(?: [\w.'’-]+){0,2}):(?:[ \t]+|$)(.*)")
_RARE = 10
"""What stands before a colon a tenth as often as the second speaker is no speaker: "Note: bring milk"."""


@dataclass
class Survey:
    """What must be known of a dialogue before it is read: who speaks, and whether blank lines end conversations."""

    speakers: Counter[str] = field(default_factory=Counter)
    blank_ends: bool = True


def survey(path: Path) -> Survey:
    """Read a dialogue once.

    Raises:
        DataError: it has fewer than two speakers, or is unreadable.
    """
    counts: Counter[str] = Counter()
    with_two = with_one = 0
    part: set[str] = set()
    for _, line in read_lines(path):
        if match := _LINE.match(line):
            counts[match[1]] += 1
            part.add(match[1])
        elif not line.strip():
            with_two, with_one = with_two + (len(part) > 1), with_one + (len(part) == 1)
            part = set()
    with_two += len(part) > 1
    if len(counts) < 2:
        raise DataError(
            f'{path} is no dialogue of two speakers with lines like "Anna: Hello"; say with --format what it is.'
        )
    second = counts.most_common(2)[1][1]
    speakers = Counter({name: count for name, count in counts.items() if count * _RARE > second})
    return Survey(speakers, blank_ends=with_two >= with_one)


def read(path: Path, found: Survey, tally: Tally) -> Iterator[list[tuple[str, str]]]:
    """The dialogue as conversations of speakers and texts."""
    held: list[tuple[str, str]] = []
    for _, line in read_lines(path):
        match = _LINE.match(line)
        if match and match[1] in found.speakers:
            held.append((match[1], match[2]))
        elif not line.strip() and found.blank_ends:
            if held:
                yield held
            held = []
        elif held:
            name, text = held[-1]
            held[-1] = (name, f"{text}\n{line}")
        elif line.strip():
            tally.messages_left_out["without a speaker"] += 1
    if held:
        yield held
