"""Long pasted texts, and the short line that stands for each in the input."""

from __future__ import annotations

import re

LONG = 20_000
"""Characters beyond which a text is not laid out in the input: typing would become slow."""


class PastedTexts:
    """Texts by the placeholder that stands for them."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def fold(self, text: str) -> str:
        """A placeholder for a text that is long; any other as it is."""
        if len(text) <= LONG:
            return text
        text = self.unfold(text)
        number, name = 1, f"[pasted text, {len(text):,} characters]"
        while self._texts.setdefault(name, text) != text:
            number += 1
            name = f"[pasted text {number}, {len(text):,} characters]"
        return name

    def unfold(self, text: str) -> str:
        """The text with what its placeholders stand for."""
        if not self._texts:
            return text
        # in one pass, as a pasted text may hold what looks like a placeholder
        return re.sub("|".join(map(re.escape, self._texts)), lambda found: self._texts[found[0]], text)

    def around(self, line: str, index: int) -> tuple[int, int] | None:
        """Where the placeholder that holds the character at `index` of a line begins and ends."""
        for name in self._texts:
            start = line.rfind(name, 0, max(0, index + len(name)))
            if start >= 0 and index < start + len(name):
                return start, start + len(name)
        return None
