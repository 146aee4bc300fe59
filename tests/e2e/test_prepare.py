"""`picochat prepare` as a process: what it prints, and what is left of it when it is stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from picochat.errors import DataError
from picochat.text.shards import open_shards
from picochat.text.tokenizer import Tokenizer
from tests.conftest import NAMES, chat_text
from tests.e2e import inside
from tests.e2e.test_generate import PICOCHAT, picochat


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough text to be stopped in the middle of."""
    path = tmp_path_factory.mktemp("large") / "large.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(15_000):
            words = " ".join(f"{NAMES[(number * step) % 10]} has {number * step % 997} plums." for step in range(1, 25))
            file.write(json.dumps({"text": words}) + "\n")
    return path


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(Tokenizer.train([chat_text()], "bpe", 300).to_json(), encoding="utf-8")
    return path


def start(data: Path, out: Path, *arguments: object) -> subprocess.Popen[bytes]:
    command = [*PICOCHAT, "prepare", "--data", data, "--out", out, *arguments]
    return subprocess.Popen(
        list(map(str, command)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def wait_for(condition: Callable[[], object], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def written(folder: Path) -> list[Path]:
    """Shard files in the unfinished folders beside the place."""
    return [path for path in folder.glob(".*.unfinished-*/train-*.ids.bin") if path.stat().st_size]


def test_the_result_is_one_line(chat_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "more.txt").write_text("Some text.\n<|endoftext|>\nSome text.\n", encoding="utf-8")
    arguments = ["prepare", "--data", chat_file, tmp_path / "more.txt", "--out", tmp_path / "out", "--vocab-size", 300]
    code, out, err = inside(capfd, *arguments)
    assert code == 0, err
    assert out.startswith(f"{tmp_path / 'out'}: 41 documents (1 duplicate left out), ")
    assert out.endswith("held out; byte-level BPE tokenizer of 300\n")
    assert out.count("\n") == 1
    assert f"picochat train --data {tmp_path / 'out'}" in err
    assert "\x1b" not in err
    code, again, err = inside(capfd, *arguments)
    assert (code, again) == (0, out)
    assert "already" in err
    code, _, err = inside(capfd, *arguments[:-1], 280)
    assert code == 2
    assert "--force" in err
    assert inside(capfd, *arguments[:-1], 280, "--force")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--out", "x"], "needs --data"),
        (["--data", "none.txt"], "needs --out"),
        (["--data", "none.txt", "--out", "x"], "no data file none.txt"),
        (["--data", "a.txt", "--out", "x", "--tokenizer", "none.json"], "no tokenizer file"),
        (["--data", "a.txt", "--out", "x", "--tokenizer", "none.json", "--vocab-size", 300], "leave out"),
        (["--data", "a.txt", "--out", "x", "--vocab-size", 30], "too small"),
        (["--data", "a.txt", "--out", "x", "--val-fraction", 2], "val-fraction"),
        (["--data", "a.txt", "--out", "a.txt"], "no folder of shards"),
        (["--data", "latin.txt", "--out", "x"], "latin.txt is not UTF-8"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: list[object], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("Some.\n<|endoftext|>\nText.\n", encoding="utf-8")
    Path("latin.txt").write_bytes(b"caf\xe9")
    code, out, err = inside(capfd, "prepare", *arguments)
    assert (code, out) == (2, "")
    assert says in err.splitlines()[-1]
    assert "Traceback" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "latin.txt"]


def test_a_killed_prepare_leaves_nothing_that_looks_finished(large: Path, tokenizer: Path, tmp_path: Path) -> None:
    process = start(large, tmp_path / "out", "--tokenizer", tokenizer, "--workers", 2)
    wait_for(lambda: written(tmp_path), process)
    session = process.pid
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    for folder in [tmp_path / "out", *tmp_path.glob(".*.unfinished-*")]:
        with pytest.raises(DataError, match=r"manifest\.json"):
            open_shards(folder)
    deadline = time.monotonic() + 60
    while alive(session) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not alive(session), "the processes that encode outlived the one that was killed"
    # what it left is deleted once it is old
    for folder in tmp_path.glob(".*.unfinished-*"):
        for path in [*folder.iterdir(), folder]:
            os.utime(path, (0, 0))
    done = picochat("prepare", "--data", large, "--out", tmp_path / "out", "--tokenizer", tokenizer, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    open_shards(tmp_path / "out", check=True)


def alive(session: int) -> bool:
    """Whether any process of that session is left."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("stage", ["learning", "encoding"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_prepare_cleans_up(
    large: Path, tokenizer: Path, tmp_path: Path, stage: str, number: signal.Signals
) -> None:
    options = ["--tokenizer", tokenizer] if stage == "encoding" else []
    process = start(large, tmp_path / "out", *options, "--workers", 2)
    unfinished = (lambda: written(tmp_path)) if stage == "encoding" else (lambda: [*tmp_path.glob(".*.unfinished-*")])
    wait_for(unfinished, process)
    # as a terminal does: the whole group is told
    os.killpg(process.pid, number) if number == signal.SIGINT else process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert out == b""
    assert b"Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_two_at_once_give_one_folder(large: Path, tokenizer: Path, tmp_path: Path) -> None:
    processes = [start(large, tmp_path / "out", "--tokenizer", tokenizer, "--workers", 1) for _ in range(2)]
    ends = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], ends
    assert ends[0][0] == ends[1][0]
    assert sorted(b"already" in err for _, err in ends) == [False, True]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    open_shards(tmp_path / "out", check=True)


def test_training_takes_what_was_prepared_and_resumes_on_it(
    chat_file: Path, tokenizer: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    shards, run = tmp_path / "shards", tmp_path / "run"
    shape = ("--preset", "nano", "--context", "32", "--batch-size", "2", "--device", "cpu")
    prepared, _, _ = inside(capfd, "prepare", "--data", chat_file, "--out", shards, "--tokenizer", tokenizer)
    trained, _, _ = inside(capfd, "train", "--data", shards, "--out", run, "--steps", "2", *shape)
    resumed, _, _ = inside(capfd, "train", "--resume", "--out", run, "--steps", "2")
    assert (prepared, trained, resumed) == (0, 0, 0)
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps[-1] == 4
    code, _, error = inside(capfd, "train", "--data", shards, "--out", tmp_path / "b", "--vocab-size", "99", *shape)
    assert (code, "leave that setting out" in error) == (2, True)
    shard = sorted(shards.glob("*.bin"))[0]
    shard.write_bytes(bytes(reversed(shard.read_bytes())))
    code, _, error = inside(capfd, "train", "--resume", "--out", run, "--steps", "2")
    assert (code, shard.name in error) == (2, True)
