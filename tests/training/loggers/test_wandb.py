from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.loggers.logged import train_logged

wandb = pytest.importorskip("wandb", reason="wandb is not installed")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WANDB_MODE", "offline")
    yield
    # it reads its variables once, and has a process of its own
    wandb.teardown()


def stored(run: Path) -> list[bytes]:
    """What is there to upload, a file for each time that the run was started."""
    return [path.read_bytes() for path in sorted(run.glob("wandb/offline-run-*/run-*.wandb"))]


def test_an_offline_run_is_kept_for_the_upload(chat_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "my run"
    notes = train_logged(chat_file, out, ["wandb"])
    [run] = stored(out)
    for word in (b"picochat", b"my run", b"val_loss", b"val_bpb", b"best_val_loss", b"sample", b"data_digest"):
        assert word in run
    assert f"Weights & Biases is offline; upload the run with: wandb sync '{out}/wandb'/*run-*" in notes
    assert capfd.readouterr().out == ""


def test_a_resumed_run_is_the_same_run(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train_logged(chat_file, out, ["wandb"])
    known = json.loads((out / "loggers.json").read_text())["wandb"]
    train_logged(chat_file, out, ["wandb"], more=2)
    assert json.loads((out / "loggers.json").read_text())["wandb"] == known
    assert {path.stem for path in out.glob("wandb/offline-run-*/run-*.wandb")} == {f"run-{known}"}


def test_without_an_account_the_run_goes_on_without_it(
    chat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    notes = train_logged(chat_file, tmp_path / "run", ["wandb"])
    [failure] = [note for note in notes if note.startswith("Weights & Biases failed")]
    assert "run `wandb login` first" in failure
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 6
