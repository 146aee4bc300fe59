"""`torchrun ... -m picochat train`: several processes, and what becomes of them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e import inside
from tests.e2e.test_train import SMALL

LIKE = [*SMALL, "--precision", "fp32", "--attention", "torch", "--optimizer", "adamw"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds the processes in /proc")


def start(data: Path, out: Path, *arguments: object, restarts: int = 0) -> subprocess.Popen[bytes]:
    words = ["train", "--data", data, "--out", out, *LIKE, *arguments]
    return subprocess.Popen(
        [*TORCHRUN, "--max-restarts", str(restarts), "-m", "picochat", *map(str, words)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def child(parent: int, rank: int) -> int:
    """The process of that rank."""
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            with contextlib.suppress(OSError):
                family = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                if family == parent and f"\0RANK={rank}\0".encode() in b"\0" + (place / "environ").read_bytes():
                    return int(place.name)
    raise AssertionError(f"no process of rank {rank}")


def wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)


def steps(out: Path) -> list[tuple[int, float]]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in lines]


def test_a_killed_process_is_replaced_and_the_run_goes_on(
    chat_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    length = ["--steps", 150, "--eval-every", 10]
    broken = start(chat_file, tmp_path / "broken", *length, "--parallel", "fsdp", restarts=3)
    wait_for(tmp_path / "broken" / "states" / "step-000010.pt", broken)
    os.kill(child(broken.pid, 1), signal.SIGKILL)
    out, errors = broken.communicate(timeout=120)
    assert broken.returncode == 0, errors
    assert errors.decode().count("Resuming at step") == 1
    assert out.decode() == f"picochat chat -m {tmp_path / 'broken' / 'best.pt'}\n"
    assert inside(capfd, "train", "--data", chat_file, "--out", tmp_path / "whole", *LIKE, *length)[0] == 0
    whole, found = steps(tmp_path / "whole"), steps(tmp_path / "broken")
    assert [step for step, _ in found] == [step for step, _ in whole]
    assert [loss for _, loss in found] == pytest.approx([loss for _, loss in whole], rel=1e-3)
    assert inside(capfd, "generate", "-m", tmp_path / "broken", "-p", "Hi", "-t", 3)[0] == 0


def test_ctrl_c_saves_what_all_have_learnt(chat_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    process = start(chat_file, tmp_path / "run", "--steps", 100000)
    wait_for(tmp_path / "run" / "metrics.jsonl", process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    notes = errors.decode()
    assert notes.count("Stopping: saving first.") == 1
    assert notes.count("picochat train --resume") == 1
    assert inside(capfd, "train", "--resume", "--out", tmp_path / "run", "--steps", 2)[0] == 0


def test_an_error_is_told_once(tmp_path: Path) -> None:
    process = start(tmp_path / "missing.txt", tmp_path / "run")
    _, errors = process.communicate(timeout=120)
    assert process.returncode != 0
    assert errors.decode().count("picochat: ") == 1
    assert "There is no data file" in errors.decode()
    # torchrun's own: the processes have none
    assert errors.decode().count("Traceback") == 1
