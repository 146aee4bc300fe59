"""What the user typed before, to be recalled with the arrow keys."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

KEPT = 1000
"""Texts that can be recalled."""

FILE_LIMIT = 2_000_000
"""Bytes that the file may have; beyond that, the older half goes."""

TEXT_LIMIT = 100_000
"""A longer text is remembered only as long as the program runs."""


class PromptHistory:
    """Typed texts, oldest first, kept in a file of JSON lines when there is one; several chats may share it.

    A file that can't be read or written is no reason to stop a chat: the history then lasts as long as the program.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._texts: list[str] = []
        self._position: int | None = None
        self._draft = ""
        if path is not None:
            with contextlib.suppress(OSError):
                self._texts = [text for line in _last_lines(path, FILE_LIMIT)[-KEPT:] if (text := _text_of(line))]

    def add(self, text: str) -> None:
        """Remember a text; the same one twice in a row counts once."""
        self._position = None
        if self._texts[-1:] == [text]:
            return
        self._texts = [*self._texts[1 - KEPT :], text]
        if self._path is not None and len(text) <= TEXT_LIMIT:
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with _locked(self._path):
                    _append(self._path, json.dumps(text).encode("ascii"))

    def older(self, current: str) -> str | None:
        """The text before; `current` is kept as the draft to come back to. `None` at the beginning."""
        if not self._texts or self._position == 0:
            return None
        if self._position is None:
            self._draft = current
            self._position = len(self._texts)
        self._position -= 1
        return self._texts[self._position]

    def newer(self) -> str | None:
        """The text after, at last the draft; `None` when nothing was recalled."""
        if self._position is None:
            return None
        self._position += 1
        if self._position >= len(self._texts):
            self._position = None
            return self._draft
        return self._texts[self._position]


def _append(path: Path, line: bytes) -> None:
    """Add a line; when the file has grown too large, another one with its newer half takes its place."""
    # what somebody typed is for their eyes only
    with _private(path, os.O_RDWR | os.O_APPEND) as descriptor:
        size = os.fstat(descriptor).st_size
        # a chat that was killed while it wrote may have left half a line
        whole = size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"
        size += os.write(descriptor, (b"" if whole else b"\n") + line + b"\n")
    if size > FILE_LIMIT:
        newer = path.with_name(f".{path.name}.new")
        with _private(newer, os.O_WRONLY | os.O_TRUNC) as descriptor:
            os.write(descriptor, b"".join(kept + b"\n" for kept in _last_lines(path, FILE_LIMIT // 2)))
            os.fsync(descriptor)
        newer.replace(path)


def _last_lines(path: Path, limit: int) -> list[bytes]:
    """The last whole lines of a file, of that many bytes at most."""
    with path.open("rb") as stream:
        cut = stream.seek(0, os.SEEK_END) > limit
        stream.seek(-limit if cut else 0, os.SEEK_END if cut else os.SEEK_SET)
        return stream.read().splitlines()[1 if cut else 0 :]


def _text_of(line: bytes) -> str:
    """The text of a line; empty for one that is damaged."""
    try:
        text = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    return text if isinstance(text, str) else ""


@contextlib.contextmanager
def _private(path: Path, flags: int) -> Iterator[int]:
    """Open a file that nobody else may read."""
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other chats from writing the file meanwhile, where the system can."""
    with path.with_name(f".{path.name}.lock").open("w") as stream:
        with contextlib.suppress(ImportError, OSError):
            import fcntl

            fcntl.flock(stream, fcntl.LOCK_EX)
        yield
