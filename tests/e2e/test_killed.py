"""A training that is killed again and again ends with the same bits as one that never was."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from picochat.manifest import read_manifest
from picochat.runs import state_steps
from picochat.training.run import RunFolder
from tests.e2e import inside
from tests.e2e.test_generate import PICOCHAT
from tests.e2e.test_train import SMALL
from tests.training.test_trainer import metrics

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

STEPS = 40
EXACT = [
    *SMALL, "--eval-every", 1, "--eval-batches", 1, "--sample-tokens", 0, "--keep", 3, "--dropout", 0.1,
    "--precision", "fp32", "--attention", "torch",
]  # fmt: skip


def start(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PICOCHAT, "train", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def wait_for_step(process: subprocess.Popen[bytes], folder: Path, step: int) -> None:
    deadline = time.monotonic() + 120
    while process.poll() is None and not any(saved >= step for saved in state_steps(folder)):
        assert time.monotonic() < deadline, f"step {step} was never saved"
        time.sleep(0.002)


def end(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=120)
    return process.returncode, errors.decode()


def equal(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return torch.equal(one, two)
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(equal(one[key], two[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(map(equal, one, two))
    return bool(one == two)


def without_time(state: dict[str, Any]) -> dict[str, Any]:
    """A state without the seconds that the run took, which no two runs share."""
    clock = {name: value for name, value in state["clock"].items() if name != "elapsed"}
    return {**state, "clock": clock}


def test_three_kills_and_the_same_bits(chat_file: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    unbroken = start("--data", chat_file, "--out", whole, *EXACT, "--steps", STEPS)
    delays, kills = random.Random(), 0
    process = start("--data", chat_file, "--out", broken, *EXACT, "--steps", STEPS)
    for part in (1, 2, 3):
        wait_for_step(process, broken, part * STEPS // 5)
        # a save takes most of a step here, so most of these fall into one
        time.sleep(delays.uniform(0, 0.05))
        process.kill()
        code, errors = end(process)
        kills += code == -signal.SIGKILL
        saved = state_steps(broken)[-1]
        process = start("--resume", "--out", broken)
    code, errors = end(process)
    assert code == 0, errors
    assert kills == 3
    assert int(re.search(r"Resuming at step (\d+)", errors)[1]) == saved  # type: ignore[index]
    assert "damaged" not in errors
    assert not list(broken.rglob("*.tmp"))

    code, errors = end(unbroken)
    assert code == 0, errors
    states = [without_time(RunFolder(folder).read_state()) for folder in (whole, broken)]
    assert states[0]["clock"]["step"] == STEPS
    for name in states[0]:
        assert equal(states[0][name], states[1][name]), name
    records = [{record["step"]: record for record in metrics(folder)} for folder in (whole, broken)]
    # a kill between a state and its line costs that line
    assert STEPS - 3 <= len(records[1]) == len(metrics(broken))
    for step, record in records[1].items():
        for name in ("loss", "lr", "val_loss"):
            assert record[name] == records[0][step][name]
    listed = {entry.name for entry in read_manifest(broken)}
    assert listed == {path.relative_to(broken).as_posix() for path in broken.rglob("*.pt")}


def test_a_running_run_is_left_alone_and_sigterm_saves_it(
    chat_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    process = start("--data", chat_file, "--out", out, *SMALL, "--steps", 100_000, "--eval-every", 100)
    wait_for_step(process, out, 100)
    code, _, message = inside(capfd, "train", "--resume", "--out", out)
    assert code == 2
    assert message.splitlines()[-1].startswith(f"picochat: The run in {out} is going on in another process")
    process.terminate()
    code, errors = end(process)
    assert code == 143, errors
    step = int(re.search(r"Stopped at step (\d+)", errors)[1])  # type: ignore[index]
    assert state_steps(out)[-1] == step
    assert RunFolder(out).read_state()["clock"]["step"] == step
