"""`picochat train --watch`, on a terminal of its own."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_generate import picochat
from tests.e2e.test_train import SMALL

pexpect = pytest.importorskip("pexpect")

LONG = ["--time", "2m", "--eval-every", 20]
"""A run that a failed test leaves behind ends by itself."""


def watch(data: Path, out: Path, *arguments: object) -> Any:
    """The command on a terminal."""
    words = ["-m", "picochat", "train", "--data", data, "--out", out, *SMALL, *arguments, "--watch"]
    env = {**os.environ, "TERM": "xterm-256color"}
    return pexpect.spawn(sys.executable, list(map(str, words)), env=env, dimensions=(24, 80), timeout=60)


def rest(child: Any) -> tuple[int, str]:
    """The exit code and what the terminal showed after the screen."""
    child.expect(pexpect.EOF)
    child.close()
    # the screen gives the terminal back with this, and then switches off what it had switched on
    text = child.before.decode().rpartition("\x1b[?1049l")[2].replace("\r\n", "\n")
    return child.exitstatus, re.sub(r"\x1b\[[0-9;?<>]*[a-zA-Z]", "", text)


def wait_for(path: Path, text: bytes = b"") -> None:
    deadline = time.monotonic() + 60
    while not path.exists() or text not in path.read_bytes():
        assert time.monotonic() < deadline, f"{path} never held {text!r}"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_run_to_its_end_prints_what_the_plain_command_does(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "my run"
    child = watch(chat_file, out, "--steps", 20, "--eval-every", 10, "--untied", "--sample-prompt", "")
    child.expect("The run is finished")
    child.send("q")
    code, text = rest(child)
    assert code == 0
    assert f"Best model: {out}/best.pt (validation loss " in text
    assert text.endswith(f"picochat chat -m '{out}/best.pt'\n")
    assert text.rstrip("\n").rpartition("\n")[2] in (out / "console.log").read_text()
    settings = (out / "config.yaml").read_text()
    for line in ("tied: false", "sample_prompt: ''", "steps: 20", "layers: 1"):
        assert line in settings


def test_stopping_saves_and_the_run_can_be_resumed_and_watched_again(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    child = watch(chat_file, out, *LONG)
    wait_for(out / "metrics.jsonl", b"val_loss")
    child.send("\x03")
    child.expect("still running")
    child.send("s")
    code, text = rest(child)
    assert code == 130
    assert "Stopping: saving first." in text
    step = re.search(r"Stopped at step (\d+); go on with: (.*)", text)
    assert step is not None
    assert step[2] == f"picochat train --resume --out {out}"
    steps = (out / "metrics.jsonl").read_bytes().count(b"\n")
    assert steps == int(step[1])

    again = [*step[2].split()[1:], "--steps", "5", "--watch"]
    env = {**os.environ, "TERM": "xterm-256color"}
    child = pexpect.spawn(sys.executable, ["-m", "picochat", *again], env=env, dimensions=(24, 80), timeout=60)
    child.expect("The run is finished")
    child.send("q")
    assert rest(child)[0] == 0
    assert (out / "metrics.jsonl").read_bytes().count(b"\n") == steps + 5


def test_in_the_background_the_training_goes_on_until_it_is_asked_to_stop(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    child = watch(chat_file, out, *LONG)
    wait_for(out / "metrics.jsonl", b"val_loss")
    child.send("q")
    child.expect("still running")
    child.send("b")
    code, text = rest(child)
    assert code == 0
    assert f"picochat watch {out}\n" in text
    found = re.search(r"kill -INT (\d+)", text)
    assert found is not None
    pid = int(found[1])
    size = (out / "metrics.jsonl").stat().st_size
    deadline = time.monotonic() + 60
    while (out / "metrics.jsonl").stat().st_size == size:
        assert alive(pid)
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(pid, signal.SIGINT)
    wait_for(out / "console.log", b"Stopped at step")


def test_a_process_that_is_killed_is_told_at_once(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    child = watch(chat_file, out, *LONG)
    child.expect(r"process (\d+)")
    wait_for(out / "metrics.jsonl", b"val_loss")
    os.kill(int(child.match[1]), signal.SIGKILL)
    child.expect("was killed")
    child.send("q")
    code, text = rest(child)
    assert code == 2
    assert text == "picochat: The training process was killed (SIGKILL); --resume goes on from its last evaluation.\n"


def test_data_that_cannot_be_used_leaves_one_sentence_and_nothing_else(tmp_path: Path) -> None:
    code, text = rest(watch(tmp_path / "none.txt", tmp_path / "run", "--steps", 5))
    assert code == 2
    assert text.startswith("picochat: There is no data file")
    assert text.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_written_over_and_its_log_is_left_alone(chat_file: Path, chat_model: Path) -> None:
    out = chat_model.parent
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    code, text = rest(watch(chat_file, out, "--steps", 5))
    assert code == 2
    assert "--force" in text
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before


@pytest.mark.parametrize("arguments", [[], ["--no-save"]])
def test_without_a_screen_or_a_folder_it_is_refused(chat_file: Path, tmp_path: Path, arguments: list[str]) -> None:
    out = tmp_path / "run"
    done = picochat("train", "--data", chat_file, "--out", out, *SMALL, "--steps", 2, "--watch", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith("picochat: --watch")
    assert done.stderr.count(b"\n") == 1
    assert not out.exists()


def test_a_run_from_a_file_is_watched_and_its_folder_named_to_go_on(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "my run"
    (tmp_path / "a.yaml").write_text(f"tied: false\nsample_prompt: 'a: b'\nsteps: 3\nout: {tmp_path / 'other'}\n")
    child = watch(chat_file, out, "--config", tmp_path / "a.yaml")
    child.expect("The run is finished")
    child.send("q")
    assert rest(child)[0] == 0
    settings = (out / "config.yaml").read_text()
    for line in ("tied: false", "sample_prompt: 'a: b'", "steps: 3", "layers: 1"):
        assert line in settings
    assert not (tmp_path / "other").exists()

    words = ["-m", "picochat", "train", "--resume", str(out / "best.pt"), "--steps", "2", "--watch"]
    env = {**os.environ, "TERM": "xterm-256color"}
    child = pexpect.spawn(sys.executable, words, env=env, dimensions=(24, 80), timeout=60)
    child.expect("The run is finished")
    child.send("q")
    assert rest(child)[0] == 0
    assert (out / "metrics.jsonl").read_bytes().count(b"\n") == 5
