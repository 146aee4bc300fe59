"""Making text safe to show: what a model or a user wrote must never reach the terminal as a command."""

from __future__ import annotations

import re

# C0 but for tab and newline, DEL, C1, and the bidirectional overrides that can make text read as something else
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """`text` with control characters made visible: ESC becomes the picture of ESC, others U+FFFD."""
    return _UNSAFE.sub(_picture, text)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"
