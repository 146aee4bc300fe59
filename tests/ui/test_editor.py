from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from picochat.ui import editor
from tests.ui.prompt_host import PromptHost, wait_until


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go; no editor is set."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.delenv("VISUAL", raising=False)
    return tmp_path / "temporary"


def script(path: Path, lines: str) -> str:
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return str(path)


def told(app: PromptHost) -> str:
    return "\n".join(notification.message for notification in app._notifications)


async def test_the_draft_goes_to_the_editor_and_comes_back(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = 'ls -l "$2" > "$1"; cp "$2" "$1.draft"; printf \'new\\ntext\\n\' > "$2"'
    # with an argument, and in place of $EDITOR
    monkeypatch.setenv("VISUAL", f"'{script(tmp_path / 'my editor', lines)}' {tmp_path / 'seen'}")
    monkeypatch.setenv("EDITOR", "false")
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"draft", "ctrl+g")
        await wait_until(pilot, lambda: app.prompt.text == "new\ntext")
        assert app.suspended == 1
        assert (tmp_path / "seen").read_text().startswith("-rw-------")
        assert (tmp_path / "seen.draft").read_text() == "draft"
        assert not list(folder.iterdir())
        await pilot.press("!")
        assert app.prompt.text == "new\ntext!"
        await pilot.press("ctrl+z", "ctrl+z")
        assert app.prompt.text == "draft"


async def test_the_editor_gets_the_whole_of_a_long_paste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", script(tmp_path / "editor", f'wc -c < "$1" > {tmp_path / "size"}'))
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        app.prompt.replace_text("y" * 30_000)
        await pilot.press("ctrl+g")
        await wait_until(pilot, lambda: (tmp_path / "size").exists() and (tmp_path / "size").read_text())
        assert int((tmp_path / "size").read_text()) == 30_000
        assert app.prompt.text == "[pasted text, 30,000 characters]"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("", "No editor is set"),
        ("/nowhere/editor", "can't be started"),
        ("'half", "check its quotation marks"),
        ("false", "ended with status 1"),
        ("EDITOR", "ended with status"),
        ("BYTES", "not UTF-8 text"),
        ("REMOVE", "can't be handed to an editor"),
    ],
)
async def test_an_editor_that_fails_loses_nothing_and_says_so(
    command: str, reason: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = {
        "EDITOR": 'printf lost > "$1"; kill -9 $$',
        "BYTES": 'printf "\\377\\376" > "$1"',
        "REMOVE": 'rm "$1"',
    }
    if command in scripts:
        command = script(tmp_path / "editor", scripts[command])
    monkeypatch.setenv("EDITOR", command)
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"draft", "ctrl+g")
        await wait_until(pilot, lambda: reason in told(app))
        assert app.prompt.text == "draft"
        assert not list(folder.iterdir())


async def test_a_terminal_that_cannot_be_given_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "true")
    # the real one: the driver of a test can't suspend
    monkeypatch.setattr(PromptHost, "suspend", editor.App.suspend)
    app = PromptHost()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"draft", "ctrl+g")
        await wait_until(pilot, lambda: "can't be handed" in told(app))
        assert app.prompt.text == "draft"
