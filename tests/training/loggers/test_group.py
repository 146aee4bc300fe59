from __future__ import annotations

import importlib.util
import json
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import pytest

from picochat.errors import ConfigError
from picochat.training.journal import Journal
from picochat.training.loggers import group
from picochat.training.loggers.group import Loggers, make_loggers
from picochat.training.loggers.logger import Ending, keep_id, known_id, numbers
from tests.training.loggers.logged import Notes, train_logged

RECORD = {"step": 1, "loss": 2.5, "lr": 0.01, "tokens": 10, "steps": 9, "progress": 0.1, "sample": "Hi", "evaluated": True}


class Fake:
    """Keeps what it is told, and fails where it is asked to."""

    def __init__(self, fails_at: str = "") -> None:
        self.name = f"Fake {fails_at}"
        self.fails_at = fails_at
        self.heard: list[str] = []

    def _hear(self, what: str) -> None:
        self.heard.append(what)
        if what == self.fails_at:
            raise ConnectionError("no route\nto the host")

    def start(self, folder: Path, config: dict[str, Any], facts: dict[str, Any], step: int) -> str:
        self._hear("start")
        return f"{self.name} is at {folder.name}, step {step}"

    def log(self, record: dict[str, Any]) -> None:
        self._hear(f"log {record['step']}")

    def finish(self, ending: Ending) -> None:
        self._hear(f"finish {ending.status}")


EVERYTHING = ["start", "log 1", "log 2", "finish stopped"]


@pytest.mark.parametrize("moment", range(4))
def test_a_logger_that_fails_is_told_once_and_dropped_and_the_others_go_on(moment: int, tmp_path: Path) -> None:
    first, broken, last = Fake(), Fake(EVERYTHING[moment]), Fake()
    notes: list[str] = []
    loggers = Loggers([first, broken, last], notes.append)
    loggers.start(tmp_path / "run", {}, {}, 7)
    loggers.log({"step": 1})
    loggers.log({"step": 2})
    loggers.finish(Ending("stopped", 2))
    assert first.heard == last.heard == EVERYTHING
    assert broken.heard == EVERYTHING[: moment + 1]
    assert "Fake  is at run, step 7" in notes
    failures = [note for note in notes if "failed" in note]
    assert failures == [f"{broken.name} failed, and is left out from here on: no route"]


def test_who_asks_to_stop_is_heard(tmp_path: Path) -> None:
    class Stopped(Fake):
        def log(self, record: dict[str, Any]) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Loggers([Stopped()], print).log(RECORD)


@pytest.mark.parametrize("found", [None, ModuleSpec("wandb", None)], ids=["nothing", "a folder of that name"])
def test_a_missing_package_is_told_before_anything_begins(found: ModuleSpec | None, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(group, "find_spec", lambda name: found if name == "wandb" else real(name))
    with pytest.raises(ConfigError, match=r"--log wandb needs .* pip install 'picochat\[wandb\]'"):
        make_loggers(["wandb"], Journal(Notes()))


def test_what_makes_a_curve() -> None:
    assert numbers(RECORD) == {"loss": 2.5, "lr": 0.01, "tokens": 10}


def test_ids_are_kept_beside_each_other(tmp_path: Path) -> None:
    assert known_id(tmp_path, "wandb") is None
    keep_id(tmp_path, "wandb", "abc")
    keep_id(tmp_path, "mlflow", "123")
    keep_id(tmp_path, "wandb", "def")
    assert (known_id(tmp_path, "wandb"), known_id(tmp_path, "mlflow")) == ("def", "123")


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"wandb": 5}', b"\xff{", b"{"])
def test_a_damaged_file_of_ids_is_as_good_as_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "loggers.json").write_bytes(content)
    assert known_id(tmp_path, "wandb") is None
    keep_id(tmp_path, "wandb", "abc")
    assert json.loads((tmp_path / "loggers.json").read_text())["wandb"] == "abc"


def test_a_run_without_loggers_leaves_its_log_and_its_picture(chat_file: Path, tmp_path: Path) -> None:
    train_logged(chat_file, tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"train.log", "loss.png", "metrics.jsonl"} <= names
    assert not {"tensorboard", "wandb", "mlflow", "loggers.json"} & names


def test_a_place_that_cannot_be_written_does_not_end_the_run(chat_file: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    out = tmp_path / "run"
    out.mkdir()
    (out / "tensorboard").write_text("no folder can be made here")
    notes = train_logged(chat_file, out, ["tensorboard"])
    failures = [note.partition(" failed")[0] for note in notes if " failed, and is left out" in note]
    assert failures == ["TensorBoard"]
    assert len((out / "metrics.jsonl").read_text().splitlines()) == 6
