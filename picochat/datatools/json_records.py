"""Records of JSON files: a list, one object, objects in a row, or one a line; never more than one is in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from picochat.errors import DataError
from picochat.text.reading import format_suffix, read_blocks, split_lines

LONGEST = 64_000_000
"""Characters of a line or record beyond which a file is taken for damaged."""
_SPACE = re.compile(r"\s*")
_NEAR = 16
"""A word, number or escape that is cut in two begins so near the end of what has been read."""


def read_records(path: Path) -> Iterator[tuple[str, Any]]:
    """Every record with the words that say where it stands.

    Raises:
        DataError: unreadable, not UTF-8, malformed or cut short, or a record beyond all measure.
    """
    if format_suffix(path) in (".jsonl", ".ndjson"):
        for number, line in read_lines(path):
            if line.strip():
                place = f"{path}, line {number}"
                yield place, _parsed(line, place)
        return
    stream = _Values(path)
    for count, value in enumerate(stream, start=1):
        yield f"{path}, line {stream.line}, conversation {count}", value


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    r"""Every line with its number and without its `\n`; the errors are those of `read_records`."""
    for number, line in enumerate(split_lines(read_blocks(path), LONGEST), start=1):
        if len(line) > LONGEST:
            raise DataError(f"{path}, line {number}: it has more than {LONGEST:,} characters; that is no chat.")
        yield number, line.removesuffix("\n")


def _parsed(line: str, place: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _malformed(place, error) from None


class _Values:
    """Iterates over the values of a file.

    Attributes:
        line: where the last value began.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks = read_blocks(path)
        self._text = ""
        self._at = 0
        self._ended = False
        self._here = self.line = 1

    def __iter__(self) -> Iterator[Any]:
        listed = self._peek() == "["
        if listed:
            self._advance(self._at + 1)
        first = True
        while (found := self._peek()) and not (listed and found == "]"):
            if listed and not first:
                self._expect(found == ",", "a comma is missing")
                self._advance(self._at + 1)
                self._peek()
            first = False
            self.line = self._here
            yield self._value()
        if listed:
            self._expect(found == "]", "the end is missing")
            self._advance(self._at + 1)
            self._expect(not self._peek(), "more follows the list")

    def _peek(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._advance(space.end() if space else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._read_on()

    def _value(self) -> Any:
        decoder = json.JSONDecoder()
        while True:
            try:
                value, end = decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos > len(self._text) - _NEAR
                if self._ended or not cut:
                    line = self._here + self._text.count("\n", self._at, error.pos)
                    raise _malformed(f"{self._path}, line {line}", error) from None
                self._read_on()
            except (ValueError, RecursionError) as error:
                raise _malformed(f"{self._path}, line {self._here}", error) from None
            else:
                self._advance(end)
                return value

    def _read_on(self) -> None:
        """Read at least as much again as is held: a record is then parsed a few times at most, whatever its size."""
        held = self._text[self._at :]
        if len(held) > LONGEST:
            raise DataError(f"{self._path}, line {self._here}: a record has more than {LONGEST:,} characters.")
        parts, size = [held], 0
        while size <= len(held):
            block = next(self._blocks, None)
            if block is None:
                self._ended = True
                break
            parts.append(block)
            size += len(block)
        self._text, self._at = "".join(parts), 0

    def _advance(self, to: int) -> None:
        self._here += self._text.count("\n", self._at, to)
        self._at = to

    def _expect(self, right: bool, complaint: str) -> None:
        if not right:
            raise DataError(f"{self._path}, line {self._here}: malformed JSON ({complaint}); fetch or export it again.")


def _malformed(place: str, error: Exception) -> DataError:
    if isinstance(error, json.JSONDecodeError):
        reason = f"{error.msg}, character {error.colno}"
    else:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
    return DataError(f"{place}: malformed JSON ({reason}); fetch or export it again.")
