from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App

from picochat.ui import clipboard
from picochat.ui.clipboard import TERMINAL_BYTES, Copied, copy_text, copy_with_program


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the only place of programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SSH_TTY", raising=False)
    return tmp_path


def add_program(folder: Path, name: str, body: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


TAKE = '/bin/cat > "$0.got"; echo "$@" > "$0.args"'


async def test_xclip_and_the_terminal_get_the_text(programs: Path) -> None:
    add_program(programs, "xclip", TAKE)
    text = "a 'quoted' $(touch here) `text`\nwith ünïcödé 😀"
    app: App[None] = App()
    async with app.run_test():
        copied = await copy_text(app, text)
        assert app.clipboard == text
    assert copied == Copied("xclip", too_long=False)
    assert copied.describe() == "Copied with xclip and sent through the terminal (OSC 52)."
    assert (programs / "xclip.got").read_text(encoding="utf-8") == text
    assert "clipboard" in (programs / "xclip.args").read_text()


async def test_without_a_program_there_is_the_terminal(programs: Path) -> None:
    app: App[None] = App()
    async with app.run_test():
        copied = await copy_text(app, "text")
        assert app.clipboard == "text"
    assert copied.describe() == "Sent through the terminal (OSC 52)."


async def test_over_ssh_the_far_clipboard_is_left_alone(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_program(programs, "xclip", TAKE)
    monkeypatch.setenv("SSH_TTY", "/dev/pts/1")
    app: App[None] = App()
    async with app.run_test():
        assert (await copy_text(app, "text")).program is None
        assert app.clipboard == "text"
    assert not (programs / "xclip.got").exists()


async def test_a_long_text_is_sent_with_a_warning(programs: Path) -> None:
    app: App[None] = App()
    async with app.run_test():
        assert not (await copy_text(app, "x" * TERMINAL_BYTES)).too_long
        copied = await copy_text(app, "é" * (TERMINAL_BYTES // 2) + "x")
    assert "100 kB" in copied.describe()


async def test_half_a_character_pair_does_no_harm(programs: Path) -> None:
    add_program(programs, "xclip", TAKE)
    app: App[None] = App()
    async with app.run_test():
        assert (await copy_text(app, "a\ud800b")).program == "xclip"
        assert app.clipboard == "a?b"


def test_a_program_that_fails_is_passed_over(programs: Path) -> None:
    add_program(programs, "wl-copy", "exit 1")
    add_program(programs, "xclip", TAKE)
    assert copy_with_program("text") == "xclip"


def test_a_program_that_hangs_is_given_up(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "PROGRAM_SECONDS", 0.2)
    add_program(programs, "xclip", "exec /bin/sleep 60")
    assert copy_with_program("text") is None


def test_a_program_that_stays_behind_is_not_waited_for(programs: Path) -> None:
    add_program(programs, "xclip", f"{TAKE}; /bin/sleep 30 & exit 0")
    assert copy_with_program("text") == "xclip"


def test_a_program_that_reads_nothing_does_no_harm(programs: Path) -> None:
    add_program(programs, "xclip", "exit 0")
    assert copy_with_program("text " * 100_000) == "xclip"


def test_windows_gets_its_own_encoding(programs: Path) -> None:
    add_program(programs, "clip.exe", TAKE)
    assert copy_with_program("ünï 😀") == "clip.exe"
    assert (programs / "clip.exe.got").read_bytes().decode("utf-16-le") == "ünï 😀"
