from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from picochat.checkpoint import load_checkpoint
from picochat.errors import OutputError
from picochat.files import HashingWriter
from picochat.runs import run_models, state_file, state_steps, step_file
from picochat.training.setup import prepare, resumed_config
from tests.training.test_samples import Notes
from tests.training.test_trainer import config, metrics

FOLDER = {
    ".lock", "best.pt", "config.yaml", "loss.png", "manifest.json", "metrics.jsonl", "states", "steps", "train.log",
}  # fmt: skip


def steps(folder: Path) -> list[int | None]:
    return [model.step for model in run_models(folder)]


def test_earlier_models_are_kept_and_thinned(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(config(chat_file, out=out, steps=24, eval_every=2, keep=4)).fit()
    assert len(steps(out)) == 4
    assert (steps(out)[0], steps(out)[-1]) == (2, 24)
    losses = {line["step"]: line["val_loss"] for line in metrics(out) if "val_loss" in line}
    for model in run_models(out):
        facts = load_checkpoint(model.path).training
        assert facts["step"] == model.step
        assert facts["val_loss"] == pytest.approx(losses[model.step])
    assert {path.name for path in out.iterdir()} == FOLDER


def test_none_are_kept_where_none_are_wanted(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(config(chat_file, out=out, steps=4, eval_every=2, keep=0)).fit()
    assert not (out / "steps").exists()
    assert [model.path for model in run_models(out)] == [out / "best.pt"]


def test_a_resumed_run_drops_what_it_does_again_and_follows_a_new_wish(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(config(chat_file, out=out, steps=6, eval_every=2)).fit()
    assert steps(out) == [2, 4, 6]
    step_file(out, 6).rename(step_file(out, 7))  # as if it had been killed before its state was written
    trainer = prepare(resumed_config(out, {"steps": 4, "keep": 3}), resume=True)
    assert steps(out) == [2, 4]
    trainer.fit()
    assert len(steps(out)) == 3
    assert (steps(out)[0], steps(out)[-1]) == (2, 10)


def test_a_run_that_replaces_another_keeps_none_of_its_models(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    prepare(config(chat_file, out=out, steps=4, eval_every=2)).fit()
    prepare(config(chat_file, out=out, steps=3, eval_every=3), force=True).fit()
    assert steps(out) == [3]


def test_a_place_that_cannot_be_written_is_told_once_and_ends_nothing(chat_file: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "run", Notes()
    trainer = prepare(config(chat_file, out=out, steps=6, eval_every=2), reporter=told)
    (out / "steps").write_text("no folder")
    assert trainer.fit().step == 6
    assert load_checkpoint(out).training["step"] in (2, 4, 6)
    complaints = [note for note in told.notes if "not saved" in note]
    assert len(complaints) == 1
    assert complaints[0].startswith("The model to look back at of step 2 is not saved")
    assert "can't be written" in complaints[0]
    assert [model.path for model in run_models(out)] == [out / "best.pt"]


def test_a_full_disk_ends_no_run_but_its_end_tells(chat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, no_room = HashingWriter.write, (4, 8)
    told = Notes()

    def full(stream: HashingWriter, data: Any) -> int:
        if trainer.clock.step in no_room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(stream, data)

    trainer = prepare(config(chat_file, out=tmp_path / "run", steps=6, eval_every=2), reporter=told)
    monkeypatch.setattr(HashingWriter, "write", full)
    assert trainer.fit().step == 6
    assert state_steps(tmp_path / "run") == [2, 6]
    assert len([note for note in told.notes if note.startswith("The state of step 4 is not saved")]) == 1

    trainer = prepare(resumed_config(tmp_path / "run", {"steps": 2}), resume=True)
    with pytest.raises(OutputError, match=r"step 8 is not saved: .*No space left"):
        trainer.fit()
    monkeypatch.setattr(HashingWriter, "write", write)
    assert prepare(resumed_config(tmp_path / "run", {"steps": 2}), resume=True).clock.step == 6


def test_a_damaged_state_is_told_and_the_run_goes_on_from_the_one_before(chat_file: Path, tmp_path: Path) -> None:
    out, told = tmp_path / "run", Notes()
    prepare(config(chat_file, out=out, steps=6, eval_every=2, keep_states=3)).fit()
    assert state_steps(out) == [2, 4, 6]
    with state_file(out, 6).open("r+b") as stream:
        stream.seek(1000)
        stream.write(b"damaged")
    trainer = prepare(resumed_config(out, {}), resume=True, reporter=told)
    damaged = "states/step-000006.pt is damaged (its hash is not the one in the manifest); going on from step 4."
    assert [note for note in told.notes if "damaged" in note] == [damaged]
    assert trainer.fit().step == 6
    assert state_steps(out) == [2, 4, 6]
    assert metrics(out)[-1]["step"] == len(metrics(out)) == 6
