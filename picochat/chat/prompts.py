"""What the user typed before, to be recalled with the arrow keys."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

KEPT = 1000


class PromptHistory:
    """Typed texts, oldest first, kept in a file of JSON lines when there is one.

    A file that can't be read or written is no reason to stop a chat: the history then lasts as long as the program.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._texts: list[str] = []
        self._position: int | None = None
        self._draft = ""
        if path is not None:
            with contextlib.suppress(OSError, UnicodeDecodeError):
                for line in path.read_text(encoding="utf-8").splitlines()[-KEPT:]:
                    with contextlib.suppress(ValueError):
                        text = json.loads(line)
                        if isinstance(text, str):
                            self._texts.append(text)

    def add(self, text: str) -> None:
        """Remember a text; the same one twice in a row counts once."""
        self._position = None
        if self._texts[-1:] == [text]:
            return
        self._texts.append(text)
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
                # what somebody typed is for their eyes only
                descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
                    stream.write(json.dumps(text) + "\n")

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
