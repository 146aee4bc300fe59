from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.test_generate import PICOCHAT, picochat


@pytest.fixture
def old_run(chat_model: Path, tmp_path: Path) -> Path:
    """The metrics of a real run, an hour after its end."""
    run = tmp_path / "runs" / "old"
    run.mkdir(parents=True)
    shutil.copy(chat_model.parent / "metrics.jsonl", run)
    past = time.time() - 3600
    os.utime(run / "metrics.jsonl", (past, past))
    return run


def test_the_state_of_a_real_run_as_json(chat_model: Path) -> None:
    done = picochat("watch", chat_model.parent, "--once", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    state = json.loads(done.stdout)
    assert state["run"] == str(chat_model.parent)
    assert state["step"] == 120
    assert state["best_step"] in (40, 80, 120)
    assert state["best_val_loss"] <= state["val_loss"]
    assert 0 < state["best_val_bpb"] < 8
    for name in ("tokens", "seconds", "loss", "lr", "tokens_per_second"):
        assert state[name] > 0


def test_the_newest_run_is_the_default(old_run: Path, tmp_path: Path) -> None:
    older = tmp_path / "runs" / "older"
    shutil.copytree(old_run, older)
    os.utime(older / "metrics.jsonl", (1e9, 1e9))
    done = picochat("watch", "--once", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    rows = dict(line.split(maxsplit=1) for line in done.stdout.decode().splitlines())
    assert rows["run"] == str(Path("runs") / "old")
    assert rows["step"].startswith("120")
    assert "1:00:0" in rows["state"]


def test_a_pipe_gets_a_line_for_each_evaluation_until_the_run_is_over(old_run: Path) -> None:
    done = picochat("watch", old_run)
    assert done.returncode == 0
    lines = [line for line in done.stdout.decode().splitlines() if line.startswith("step ")]
    assert [line.split(":")[0] for line in lines] == ["step 40", "step 80", "step 120"]
    assert all("bits/byte" in line for line in lines)
    assert "last line 1:00:0" in done.stderr.decode()
    rows = [json.loads(line) for line in picochat("watch", old_run, "--json").stdout.splitlines()]
    assert [row["step"] for row in rows] == [40, 80, 120]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "no run to watch under runs"),
        (["none", "--once"], "no metrics.jsonl in none"),
        (["file"], "file is a file"),
    ],
)
def test_no_run_is_one_sentence(tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "file").write_text("")
    done = picochat("watch", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    message = done.stderr.decode()
    assert message.startswith("picochat: ")
    assert says in message
    assert message.count("\n") == 1


def test_it_waits_for_a_run_and_ctrl_c_leaves(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*PICOCHAT, "watch", str(tmp_path / "later"), "--plain"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert b"Waiting" in process.stderr.readline()
    (tmp_path / "later").mkdir()
    record = {"step": 5, "loss": 2.0, "val_loss": 1.5, "sample": "Hi \x1b[31m[b]"}
    (tmp_path / "later" / "metrics.jsonl").write_text(json.dumps(record) + "\n")
    assert process.stdout.readline() == b"step 5: validation loss 1.500\n"
    assert process.stdout.readline().decode() == "Hi \u241b[31m[b]\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == b""


def test_the_screen_on_a_terminal(old_run: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    arguments = ["-m", "picochat", "watch", str(old_run)]
    env = {**os.environ, "TERM": "xterm-256color"}
    child = pexpect.spawn(sys.executable, arguments, env=env, dimensions=(24, 80), timeout=60)
    child.expect("validation loss")
    child.send("q")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_it_needs_no_torch(old_run: Path) -> None:
    code = (
        "import sys\n"
        "import picochat.ui.watch_app\n"
        "from picochat.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, "watch", old_run, "--once"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "False\n")
