from __future__ import annotations

import io
import os
import sys

import pytest

from picochat import cli
from picochat.cli.terminal import has_screen, note


@pytest.mark.parametrize(
    ("system", "term", "expected"),
    [
        ("linux", "xterm", True),
        ("linux", "dumb", False),
        ("linux", None, False),
        ("win32", None, True),
        ("win32", "dumb", False),
    ],
)
def test_a_screen_needs_a_terminal_that_is_not_dumb(
    system: str, term: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    for name in ("stdin", "stdout"):
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda: True, raising=False)
    monkeypatch.delenv("TERM", raising=False)
    if term is not None:
        monkeypatch.setenv("TERM", term)
    assert has_screen() is expected


def test_a_note_that_nobody_reads_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", encoding="utf-8") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        note("One.")
        note("Two.")


def test_pipes_are_utf_8_on_windows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    given, taken = io.BytesIO("caf\u00e9".encode()), io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(given, encoding="cp1252"))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(taken, encoding="cp1252"))
    cli._prepare_streams()
    assert sys.stdin.read() == "caf\u00e9"
    print("\u5d16", end="", flush=True)
    assert taken.getvalue().decode() == "\u5d16"
