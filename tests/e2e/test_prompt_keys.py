"""The keys of the input in a real terminal: what a terminal sends for them is not what a pilot sends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")

ROOT = Path(__file__).parent.parent.parent


class Terminal:
    """The host app in a tmux of its own."""

    def __init__(self, folder: Path) -> None:
        self._server = ["tmux", "-L", f"picochat-{uuid.uuid4().hex[:8]}", "-f", "/dev/null"]
        editor = folder / "editor"
        editor.write_text('#!/bin/sh\nls -l "$1" > "$0.mode"\nprintf \' and more\\n\' >> "$1"\n')
        editor.chmod(0o755)
        self.editor = editor
        environment = os.environ | {"EDITOR": str(editor), "TMPDIR": str(folder), "TERM": "xterm-256color"}
        environment.pop("VISUAL", None)
        environment.pop("TMUX", None)
        program = [sys.executable, "-m", "tests.ui.prompt_host"]
        # a terminal that tells Shift+Enter from Enter
        options = ["set", "-s", "extended-keys", "always", ";"]
        size = ["-x", "80", "-y", "24", "-c", str(ROOT)]
        subprocess.run([*self._server, *options, "new-session", "-d", *size, *program], env=environment, check=True)

    def tmux(self, *arguments: str) -> str:
        return subprocess.run([*self._server, *arguments], capture_output=True, text=True, check=True).stdout

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def shows(self, text: str) -> None:
        self.wait(lambda: text in self.tmux("capture-pane", "-p"), text)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, f"never: {what}\n{self.tmux('capture-pane', '-p')}"
            time.sleep(0.05)

    def close(self) -> None:
        subprocess.run([*self._server, "kill-server"], capture_output=True)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    try:
        terminal.shows("Message picochat")
        yield terminal
    finally:
        terminal.close()


def test_enter_sends_and_three_keys_start_a_line(terminal: Terminal) -> None:
    terminal.keys("one", "C-j", "two", "M-Enter", "three", "S-Enter", "four")
    terminal.shows("four")
    terminal.keys("Enter")
    terminal.shows(r"1 sent, last: 'one\ntwo\nthree\nfour'")


def test_lines_pasted_are_one_message(terminal: Terminal) -> None:
    terminal.tmux("set-buffer", "first\nsecond\nthird")
    # as terminals do, with carriage returns for the ends of lines
    terminal.tmux("paste-buffer", "-p")
    terminal.shows("third")
    terminal.keys("Enter")
    terminal.shows(r"1 sent, last: 'first\nsecond\nthird'")


def test_an_editor_takes_the_terminal_and_gives_it_back(terminal: Terminal, tmp_path: Path) -> None:
    terminal.keys("draft", "C-g")
    terminal.shows("draft and more")
    assert (tmp_path / "editor.mode").read_text().startswith("-rw-------")
    assert not list(tmp_path.glob("picochat-*"))
    terminal.keys("!", "Enter")
    terminal.shows("1 sent, last: 'draft and more!'")
