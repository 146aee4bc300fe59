from __future__ import annotations

import lzma
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from picochat.errors import DeviceError
from tests.e2e import inside
from tests.e2e.test_generate import PICOCHAT, picochat

SMALL = [
    "--preset", "nano", "--layers", 1, "--heads", 2, "--embedding", 32, "--context", 32, "--vocab-size", 300,
    "--batch-size", 4, "--device", "cpu",
]  # fmt: skip
SHARED = Path(__file__).parents[3] / "shared" / "data"


def train(data: Path, out: Path, *arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    return picochat("train", "--data", data, "--out", out, *SMALL, *arguments, **options)


def test_train_then_generate_then_chat_then_info(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "my run"
    done = train(chat_file, out, "--steps", 20)
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == f"picochat chat -m '{out}/best.pt'\n"
    notes = done.stderr.decode()
    for word in ("step 20/20", "loss", "val", "bits/byte", "tok/s", "conversations"):
        assert word in notes
    assert picochat("generate", "-m", out, "-p", "Hi", "-t", 5).returncode == 0
    chat = picochat("chat", "-m", out / "best.pt", "-p", "Hi", "-t", 5)
    assert chat.returncode == 0
    info = picochat("info", "-m", out).stdout.decode()
    for word in ("qwen3", "token embedding", "byte-level BPE", "val_bpb", "optimizer"):
        assert word in info


def test_a_reader_of_the_log_that_goes_away_does_not_end_a_training(chat_file: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*PICOCHAT, "train", "--data", chat_file, "--out", tmp_path / "run", *map(str, SMALL), "--steps", "3"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stderr.close()
    with process.stdout as stdout:
        said = stdout.read().decode()
    assert process.wait(timeout=60) == 0
    assert said == f"picochat chat -m {tmp_path}/run/best.pt\n"


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (DeviceError("The memory of cuda is full; close what else uses it."), 2)]
)
def test_the_model_is_told_of_whatever_becomes_of_the_text_at_the_end(
    error: BaseException,
    code: int,
    chat_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("picochat.cli.last_sample.write_at_end", fail)
    arguments = ["--data", chat_file, "--out", tmp_path / "run", *SMALL, "--steps", 2, "--generate", 5]
    ended, out, _ = inside(capfd, "train", *arguments)
    assert ended == code
    assert out == f"picochat chat -m {tmp_path}/run/best.pt\n"


@pytest.mark.parametrize("arguments", [["--architecture", "gpt2"], ["--architecture", "llama", "--kv-heads", 1, "--untied"]])
def test_every_architecture_by_flag(chat_file: Path, tmp_path: Path, arguments: list[object]) -> None:
    assert train(chat_file, tmp_path / "run", "--steps", 3, *arguments).returncode == 0
    assert picochat("generate", "-m", tmp_path / "run", "-p", "Hi", "-t", 3).returncode == 0


def test_an_existing_run_is_kept(chat_file: Path, tmp_path: Path) -> None:
    assert train(chat_file, tmp_path / "run", "--steps", 2).returncode == 0
    done = train(chat_file, tmp_path / "run", "--steps", 2)
    assert done.returncode == 2
    assert "--force" in done.stderr.decode()
    assert train(chat_file, tmp_path / "run", "--steps", 2, "--force").returncode == 0


def test_resume_goes_on_and_steps_are_steps_more(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert train(chat_file, out, "--steps", 4).returncode == 0
    done = picochat("train", "--resume", "--out", out, "--steps", 3)
    assert done.returncode == 0, done.stderr
    assert "Resuming at step 4" in done.stderr.decode()
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 7


def start_long(data: Path, out: Path, **streams: int) -> subprocess.Popen[bytes]:
    """A training that has begun, and would go on for long."""
    command = [*PICOCHAT, "train", "--data", str(data), "--out", str(out), *map(str, SMALL), "--steps", "100000"]
    process = subprocess.Popen(command, start_new_session=True, **streams)  # type: ignore[call-overload]
    deadline = time.monotonic() + 60
    while not (out / "metrics.jsonl").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def test_ctrl_c_saves_and_says_how_to_go_on(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start_long(chat_file, out, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"picochat train --resume --out {out}" in errors.decode()
    assert picochat("train", "--resume", "--out", out, "--steps", 2).returncode == 0


def test_a_closed_terminal_saves(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    window, terminal = os.openpty()
    process = start_long(chat_file, out, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    process.send_signal(signal.SIGHUP)
    os.close(window)  # from here on what is written there fails
    assert process.wait(timeout=60) == 128 + signal.SIGHUP
    done = picochat("train", "--resume", "--out", out, "--steps", 2)
    assert done.returncode == 0
    steps = len((out / "metrics.jsonl").read_text().splitlines())
    assert f"Resuming at step {steps - 2}" in done.stderr.decode()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("missing.txt", None, "no data file"),
        ("empty.txt", b"", "empty"),
        ("latin.txt", b"caf\xe9 " * 99, "UTF-8"),
        ("binary.txt", bytes(range(256)) * 9, "binary"),
        ("cut.txt.xz", lzma.compress(b"text" * 999)[:-9], "cut short"),
        ("one.txt", b"User: Hi\nAssistant: Hello\n", "at least two"),
        ("tiny.txt", b"x", "at least two"),
    ],
)
def test_data_that_cannot_be_used(
    tmp_path: Path, name: str, content: bytes | None, says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    code, _, message = inside(capfd, "train", "--data", path, "--out", tmp_path / "run", *SMALL, "--steps", 1)
    assert code == 2, message
    assert says in message
    assert message.count("\n") == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--heads", 3], "must divide"),
        (["--preset", "giant"], "nano, micro"),
        (["--time", "soon"], "10m"),
        (["--lr", -1], "lr must be"),
        (["--dropout", 1], "dropout"),
        (["--device", "abacus"], "abacus"),
        (["--generate", 1_000_001], "less than or equal to 1000000"),
    ],
)
def test_wrong_wishes(
    chat_file: Path, tmp_path: Path, arguments: list[object], says: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, message = inside(capfd, "train", "--data", chat_file, "--out", tmp_path / "run", *SMALL, *arguments)
    assert code == 2
    assert out == ""
    assert says in message
    assert message.count("\n") == 1


def test_no_gpu_is_told(chat_file: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    done = picochat("train", "--data", chat_file, "--out", tmp_path / "run", "--device", "cuda")
    assert done.returncode == 2
    assert "'cuda' is not available" in done.stderr.decode()


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX permissions")
def test_a_folder_that_cannot_be_written(chat_file: Path, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # root may write anywhere but below a file
        (tmp_path / "locked").write_text("")
    else:
        (tmp_path / "locked").mkdir(mode=0o500)
    done = train(chat_file, tmp_path / "locked" / "run", "--steps", 1)
    assert done.returncode == 2
    assert "can't be written" in done.stderr.decode()


def test_the_out_folder_is_a_file(chat_file: Path, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("precious")
    done = train(chat_file, tmp_path / "run", "--steps", 1)
    assert done.returncode == 2
    assert (tmp_path / "run").read_text() == "precious"


def test_neither_data_nor_resume() -> None:
    done = picochat("train")
    assert done.returncode == 2
    assert "--data" in done.stderr.decode()


def test_tiny_shakespeare(tmp_path: Path) -> None:
    source = SHARED / "tinyshakespeare_input.txt.xz"
    if not source.exists():
        pytest.skip("the shared training texts are not on this machine")
    done = train(source, tmp_path / "run", "--steps", 5)
    assert done.returncode == 0, done.stderr
    out = picochat("generate", "-m", tmp_path / "run", "-p", "ROMEO:", "-t", 20, "--seed", 1)
    assert out.returncode == 0
    assert picochat("chat", "-m", tmp_path / "run", "-p", "ROMEO:", "-t", 5).returncode == 0


def test_progress_is_drawn_on_a_terminal(chat_file: Path, tmp_path: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    arguments = ["-m", "picochat", "train", "--data", chat_file, "--out", tmp_path / "run", *SMALL, "--steps", 30]
    child = pexpect.spawn(sys.executable, list(map(str, arguments)), dimensions=(24, 120), timeout=120)
    child.expect("left")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert b"step 30/30" in child.before


def test_a_window_of_eight_tokens_trains_generates_and_chats(chat_file: Path, tmp_path: Path) -> None:
    assert train(chat_file, tmp_path / "run", "--steps", 3, "--context", 8).returncode == 0
    model = tmp_path / "run" / "best.pt"
    assert picochat("generate", "-m", model, "-p", "Hello there", "-t", 30).returncode == 0
    done = picochat("chat", "-m", model, stdin="Hi\nA longer message than fits\nBye\n")
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


def test_where_a_run_is_logged(chat_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    out = tmp_path / "run"
    done = train(chat_file, out, "--steps", 6, "--eval-every", 3, "--log", "tensorboard")
    assert done.returncode == 0, done.stderr
    assert f"tensorboard --logdir {out}/tensorboard" in done.stderr.decode()
    assert list((out / "tensorboard").glob("events*"))
    assert (out / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert "The run is finished at step 6" in (out / "train.log").read_text()
    assert "- tensorboard" in (out / "config.yaml").read_text()
    for arguments, says in ((["--log", "abacus"], "log must be"), (["--log", "tensorboard", "--no-save"], "--no-save")):
        refused = train(chat_file, tmp_path / "none", "--steps", 1, *arguments)
        assert refused.returncode == 2
        assert says in refused.stderr.decode()
        assert not (tmp_path / "none").exists()
