"""WhatsApp's "export chat": a text file, a line or more a message.

    [31.12.23, 21:05:10] Anna: Happy new year!          iPhone
    12/31/23, 9:05 PM - Anna: Happy new year!           Android
    and a second line of it

Date and time are written as the phone is set: day or month first, points, slashes or dashes, 12 or 24 hours. Invisible marks
for the direction of writing stand almost anywhere. On an iPhone one in front of the words says that WhatsApp itself wrote
them, in whatever language: a picture left out, a call, a new number.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from picochat.datatools.json_records import read_lines
from picochat.datatools.settling import Tally
from picochat.errors import DataError

_MARKS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_DATE = r"(?P<one>\d{1,4})[./-]\s?(?P<two>\d{1,2})[./-]\s?(?P<three>\d{1,4})\.?"
_TIME = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?(?:\s?(?P<half>[ap])\.?\s?m\b\.?)?"
_STAMP = rf"{_DATE},?\s(?:[^\W\d]{{1,6}}\s)?{_TIME}"
_HEADER = re.compile(rf"(?:\[{_STAMP}\]|{_STAMP.replace('?P<', '?P<a_')}(?:\s[-–]|:))\s", re.IGNORECASE)
_SPEAKER = re.compile(r"(.{1,100}?):(?:\s|$)")
# a name has no quotes, a line like `Anna changed the subject to "Trip: June"` has
_QUOTES = re.compile('["“”„«»]')
# a picture or file in front of its caption; the second form is Android's name for a picture in any language
_MEDIA = re.compile(
    r"(?:<[^<>\n]{3,60}>|[^\n]+\.\w{2,5} \((?:file attached|Datei angehängt)\)"
    r"|[A-Z]{3}-\d{8}-WA\d+\.\w+ \([^()\n]+\))(?:\n|$)"
)
_APP = re.compile(
    r"(?:image|video|video note|audio|gif|sticker|document|contact card) omitted|\S.* document omitted"
    r"|(?:this message was deleted|you deleted this message)\b.*"
    r"|(?:diese nachricht wurde gelöscht|du hast diese nachricht gelöscht)\b.*"
    r"|(?:missed|silenced) (?:group )?(?:voice|video) call\b.*|verpasster (?:sprach|video)anruf\b.*"
    r"|waiting for this message\. this may take a while\.?"
    r"|(?:live )?(?:location|standort): ?https?://\S+|live location shared|poll:\n(?:.|\n)*|null",
    re.IGNORECASE,
)
# on an iPhone a mark stands before it
_APPENDED = re.compile(
    r"\s*(?:\u200e<[^<>\n]*>|<(?:This message was edited|Diese Nachricht wurde bearbeitet|Ce message a été modifié"
    r"|Este mensaje fue editado|Questo messaggio è stato modificato|Esta mensagem foi editada)\.?>)\s*$"
)
_OPENING = 50
"""Lines in which a chat must show itself."""


@dataclass
class Said:
    """A message with its time, read with the day before the month and the other way round; `None` where it can't be."""

    speaker: str
    text: str
    day_first: datetime | None
    month_first: datetime | None

    def when(self, day_first: bool) -> datetime:
        """Its time, in the order that holds for the file."""
        one, other = (self.day_first, self.month_first) if day_first else (self.month_first, self.day_first)
        found = one or other
        assert found is not None  # a line without a time begins no message
        return found


@dataclass
class Survey:
    """What must be known of a chat before it is read: who speaks, and in which order dates are written."""

    speakers: Counter[str] = field(default_factory=Counter)
    day_first: bool = True


def is_chat(opening: str) -> bool:
    """Whether a text begins like an exported chat."""
    return any(_header(line) for line in opening.split("\n")[:_OPENING])


def survey(path: Path) -> Survey:
    """Read a chat once.

    Raises:
        DataError: no chat, or unreadable.
    """
    found = Survey()
    against = {True: 0, False: 0}
    last: Said | None = None
    for said in _messages(path, Tally()):
        found.speakers[said.speaker] += 1
        for day_first in against:
            time = said.day_first if day_first else said.month_first
            before = last and (last.day_first if day_first else last.month_first)
            # an impossible date speaks against an order, and so does time that runs backwards
            against[day_first] += 2 * (time is None) + bool(time and before and time < before)
        last = said
    if last is None:
        raise DataError(f'{path} has no message of a WhatsApp chat, a line like "31/12/23, 21:05 - Anna: Hello".')
    found.day_first = against[True] <= against[False]
    return found


def read(path: Path, day_first: bool, gap: float, tally: Tally) -> Iterator[list[tuple[str, str]]]:
    """The chat as conversations of speakers and texts; a pause of more than `gap` seconds begins a new one."""
    held: list[tuple[str, str]] = []
    before: datetime | None = None
    for said in _messages(path, tally):
        time = said.when(day_first)
        if before is not None and (time - before).total_seconds() > gap:
            yield held
            held = []
        held.append((said.speaker, said.text))
        before = time
    if held:
        yield held


def _messages(path: Path, tally: Tally) -> Iterator[Said]:
    """What people wrote, in order."""
    held: Said | None = None
    for _, line in read_lines(path):
        header = _header(line)
        if header is None:
            if held is not None:
                held.text += f"\n{line}"
            continue
        if held is not None and _tidy(held, tally):
            yield held
        held = header
    if held is not None and _tidy(held, tally):
        yield held


def _header(line: str) -> Said | None:
    """The message that a line begins; `None` where it goes on with one."""
    # the marks in front of the words tell something, those before it nothing
    plain = _MARKS.sub("", line[:200])
    match = _HEADER.match(plain)
    if match is None:
        return None
    values = {name.removeprefix("a_"): value for name, value in match.groupdict().items() if value is not None}
    orders = ("one", "two", "three"), ("two", "one", "three")
    if len(values["one"]) == 4:
        orders = ("three", "two", "one"), ("three", "two", "one")
    times = [_time(values, *order) for order in orders]
    if not any(times):
        return None
    speaker = _SPEAKER.match(plain, match.end())
    if speaker is None or _QUOTES.search(speaker[1]):
        return Said("", "", *times)
    # the name ends with the first colon after as many letters as the header and the name have
    body = line[_original(line, speaker.end(1)) + 1 :].removeprefix(" ")
    return Said(speaker[1].strip().removeprefix("~").strip(), body, *times)


def _original(line: str, length: int) -> int:
    """Where in a line the first `length` letters that are no marks end."""
    for place, letter in enumerate(line):
        if _MARKS.match(letter):
            continue
        if length == 0:
            return place
        length -= 1
    return len(line)


def _time(values: dict[str, str], day: str, month: str, year: str) -> datetime | None:
    hour = int(values["hour"])
    if "half" in values:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (values["half"].lower() == "p")
    full = int(values[year]) + (2000 if len(values[year]) <= 2 else 0)
    try:
        return datetime(
            full, int(values[month]), int(values[day]), hour, int(values["minute"]), int(values.get("second", 0))
        )
    except ValueError:
        return None


def _tidy(said: Said, tally: Tally) -> bool:
    """Leave only what was typed in a message's text; whether anything is left."""
    text = _MARKS.sub("", _APPENDED.sub("", said.text)).strip()
    caption = _MEDIA.sub("", text, count=1) if _MEDIA.match(text) else None
    by_app = said.text.startswith("\u200e") and caption is None
    said.text = text if caption is None else caption.strip()
    if by_app or not said.speaker or not said.text or _APP.fullmatch(said.text):
        tally.messages_left_out["of WhatsApp itself and media"] += 1
        return False
    return True
