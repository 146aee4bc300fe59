"""Putting text on the clipboard, by every way that there is."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from dataclasses import dataclass

from textual.app import App

PROGRAMS: tuple[tuple[str, ...], ...] = (
    ("wl-copy",),
    ("xclip", "-selection", "clipboard", "-in"),
    ("xsel", "--clipboard", "--input"),
    ("pbcopy",),
    ("clip.exe",),
)
"""The systems' own programs, tried in this order; each reads the text from its input."""

PROGRAM_SECONDS = 2.0
"""A program that takes longer waits for a display that is not there."""

TERMINAL_BYTES = 100_000
"""Many terminals refuse more than this by OSC 52, and don't say so."""


@dataclass(frozen=True)
class Copied:
    """The ways by which a text went to the clipboard; the terminal never says whether it took it."""

    program: str | None
    """The local program that took it, if any did."""
    too_long: bool
    """Whether it is longer than what every terminal takes."""

    def describe(self) -> str:
        """Say so in a sentence or two."""
        said = "ent through the terminal (OSC 52)."
        said = f"Copied with {self.program} and s{said}" if self.program else f"S{said}"
        if self.too_long:
            said += f" It is longer than {TERMINAL_BYTES // 1000} kB: the terminal may have refused it."
        return said


async def copy_text(app: App[object], text: str) -> Copied:
    """Copy `text` with the system's own program and through the terminal; over ssh only the terminal is the user's."""
    encoded = text.encode("utf-8", "replace")
    app.copy_to_clipboard(encoded.decode())
    program = None if os.environ.get("SSH_TTY") else await asyncio.to_thread(copy_with_program, text)
    return Copied(program, len(encoded) > TERMINAL_BYTES)


def copy_with_program(text: str) -> str | None:
    """Give `text` to the first program that takes it; returns its name, or `None` where there is none."""
    for name, *options in PROGRAMS:
        path = shutil.which(name)
        if path and _run([path, *options], text.encode("utf-16-le" if name == "clip.exe" else "utf-8", "replace")):
            return name
    return None


def _run(command: list[str], data: bytes) -> bool:
    # its output is not captured: xclip and wl-copy stay behind to serve the text, and would hold the pipe open
    try:
        done = subprocess.run(
            command, input=data, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=PROGRAM_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
