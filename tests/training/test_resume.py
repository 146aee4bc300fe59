from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from picochat.checkpoint import load_checkpoint
from picochat.errors import CheckpointError, ConfigError
from picochat.training.reporting import Silent
from picochat.training.setup import prepare, resumed_config
from tests.training.test_trainer import config, interrupt_at, metrics


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "muon", "dropout": 0.1, "accumulation": 2, "batches": "packed"},
        {"optimizer": "adamw", "dropout": 0.1, "batches": "windows"},
        {"optimizer": "muon", "batches": "chat", "schedule": "wsd", "checkpointing": True, "dropout": 0.1},
        {"optimizer": "adamw", "batches": "stride", "stride": 7, "precision": "bf16"},
    ],
)
def test_a_stopped_run_goes_on_as_if_nothing_had_been(chat_file: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    settings = {"steps": 20, "eval_every": 10, "precision": "fp32", **settings}
    whole = prepare(config(chat_file, out=tmp_path / "whole", **settings)).fit()
    broken = config(chat_file, out=tmp_path / "broken", **settings)
    trainer = prepare(broken)
    interrupt_at(trainer, 10 if settings["batches"] == "packed" else 7)
    stopped = trainer.fit()
    assert (stopped.step, stopped.interrupted) == (10 if settings["batches"] == "packed" else 7, signal.SIGINT)
    resumed = prepare(broken, resume=True).fit()
    assert resumed.step == whole.step == 20
    losses = [[line["loss"] for line in metrics(tmp_path / name)] for name in ("whole", "broken")]
    assert losses[0] == losses[1]
    one, two = (load_checkpoint(tmp_path / name).weights for name in ("whole", "broken"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_changed_shape_or_text_cannot_be_resumed(chat_file: Path, plain_file: Path, tmp_path: Path) -> None:
    settings = config(chat_file, out=tmp_path / "run", steps=2)
    prepare(settings).fit()
    with pytest.raises(CheckpointError, match="shape changed"):
        prepare(settings.changed(layers=2), resume=True)
    with pytest.raises(CheckpointError, match="data changed"):
        prepare(settings.changed(data=plain_file), resume=True)


def test_nothing_to_resume_is_told(tmp_path: Path, chat_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for out in (None, tmp_path):
        with pytest.raises(CheckpointError, match="resume"):
            prepare(config(chat_file, out=out), resume=True)


def test_an_interrupt_while_a_step_is_reported_is_not_lost(chat_file: Path, tmp_path: Path) -> None:
    trainer = prepare(config(chat_file, out=tmp_path / "run", steps=1000, eval_every=500))
    report = trainer._report

    def late(*arguments: Any) -> None:
        if trainer.clock.step == 3:
            signal.raise_signal(signal.SIGINT)
        report(*arguments)

    trainer._report = late  # type: ignore[method-assign]
    result = trainer.fit()
    assert result.interrupted == signal.SIGINT
    assert result.best == tmp_path / "run" / "best.pt"
    assert prepare(config(chat_file, out=tmp_path / "run", steps=1000), resume=True).clock.step == result.step


def test_another_split_cannot_be_resumed(chat_file: Path, tmp_path: Path) -> None:
    settings = config(chat_file, out=tmp_path / "run", steps=2)
    prepare(settings).fit()
    with pytest.raises(CheckpointError, match="split of the data"):
        prepare(settings.changed(val_fraction=0.5), resume=True)


def test_a_finished_run_says_so_and_a_new_limit_is_so_much_more(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(config(chat_file, out=out, steps=4)).fit()
    with pytest.raises(ConfigError, match="is finished"):
        prepare(resumed_config(out, {}), resume=True)
    assert resumed_config(out, {"steps": 3}).steps == 7
    by_time = resumed_config(out, {"time": 100.0})
    assert by_time.steps is None
    assert by_time.time is not None
    assert by_time.time > 100
    by_epochs = prepare(resumed_config(out, {"epochs": 1.0}), resume=True)
    assert by_epochs.schedule.steps is not None
    assert by_epochs.schedule.steps == pytest.approx(4 + by_epochs.train.tokens / (4 * 32), abs=1.01)
    assert yaml.safe_load((out / "config.yaml").read_text())["epochs"] == by_epochs.config.epochs


def test_resuming_without_saving_leaves_the_run_alone(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(config(chat_file, out=out, steps=2)).fit()

    def content() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    before = content()
    prepare(resumed_config(out, {"steps": 2}), resume=True, save=False).fit()
    assert content() == before


def test_metrics_of_steps_that_are_done_again_are_dropped(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(config(chat_file, out=out, steps=4)).fit()
    with (out / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 5, "loss": 9.0}\n{"step": 6, "lo')
    prepare(resumed_config(out, {"steps": 2}), resume=True).fit()
    assert [line["step"] for line in metrics(out)] == [1, 2, 3, 4, 5, 6]


def test_the_advice_of_a_resumed_run_looks_at_the_whole_curve(
    chat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, notes = tmp_path / "run", []
    prepare(config(chat_file, out=out, steps=4, eval_every=2)).fit()
    told = [{"step": 2, "loss": 90.0, "val_loss": 0.25}, {"step": 4, "val_loss": 0.5}, {"step": 5, "val_loss": 0.1}]
    (out / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in told))
    monkeypatch.setattr(Silent, "note", lambda self, text: notes.append(text))
    prepare(resumed_config(out, {"steps": 4}), resume=True).fit()
    assert any("Validation loss has risen since step 2 (0.250 to " in note for note in notes)
