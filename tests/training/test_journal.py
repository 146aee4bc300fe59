from __future__ import annotations

import re
from pathlib import Path

import pytest

from picochat.errors import TrainingError
from picochat.training.journal import LOG_BACKUPS, LOG_BYTES, Journal
from picochat.training.loggers.logger import Ending
from picochat.training.setup import prepare
from tests.training.loggers.logged import Notes, train_logged
from tests.training.test_trainer import config, metrics

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  (.*)")


def lines(folder: Path) -> list[str]:
    """The lines of a log without their times."""
    found = [LINE.fullmatch(line) for line in (folder / "train.log").read_text(encoding="utf-8").splitlines()]
    assert all(found)
    return [match[1] for match in found if match]


def test_it_holds_every_note_every_evaluation_and_the_end(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    notes = train_logged(chat_file, out)
    written = lines(out)
    evaluations = [
        f"step {line['step']}: validation loss {line['val_loss']:.3f}" for line in metrics(out) if "val_loss" in line
    ]
    assert [line for line in written if line in notes] == notes
    assert [line.partition(",")[0] for line in written if line.startswith("step ")] == evaluations
    assert written[-1].startswith("The run is finished at step 6; best validation loss ")
    train_logged(chat_file, out, more=3)
    assert lines(out)[: len(written)] == written
    assert "Resuming at step 6." in lines(out)
    assert lines(out)[-1].startswith("The run is finished at step 9;")


def test_why_a_run_failed_is_its_last_line(tmp_path: Path) -> None:
    journal = Journal(Notes())
    journal.start(tmp_path, {}, {}, 0)
    journal.finish(Ending("failed", 12, reason="The loss is no number any more."))
    assert lines(tmp_path) == ["The run failed at step 12: The loss is no number any more."]


def test_an_evaluation_after_a_skipped_step_has_no_training_loss(tmp_path: Path) -> None:
    journal = Journal(Notes())
    journal.start(tmp_path, {}, {}, 0)
    journal.log({"step": 5, "tokens_per_second": 1234.5, "skipped": 1})
    journal.log({"step": 6, "tokens_per_second": 1234.5, "skipped": 2, "val_loss": 2.5, "val_bpb": 1.25})
    assert lines(tmp_path) == ["step 6: validation loss 2.500, 1.250 bits/byte; 1,234 tokens/s"]


def test_a_note_is_one_harmless_line(tmp_path: Path) -> None:
    told = Notes()
    journal = Journal(told)
    journal.start(tmp_path, {}, {}, 0)
    journal.note("100% of %s\nsecond \x1b[31mline")
    assert lines(tmp_path) == ["100% of %s second \u241b[31mline"]
    assert told.notes == ["100% of %s\nsecond \x1b[31mline"]


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    journal = Journal(Notes())
    journal.start(tmp_path, {}, {}, 0)
    for index in range(70):
        journal.note(f"{index} " + 100_000 * "x")
    names = ["train.log", *(f"train.log.{number + 1}" for number in range(LOG_BACKUPS))]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert all(path.stat().st_size <= LOG_BYTES for path in tmp_path.iterdir())
    assert lines(tmp_path)[-1].startswith("69 x")


def test_a_log_that_cannot_be_written_is_told_once(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    (out / "train.log").mkdir(parents=True)
    notes = train_logged(chat_file, out)
    assert [note for note in notes if "train.log" in note] == [
        "train.log can't be written (Is a directory); the run goes on without it."
    ]
    assert len(metrics(out)) == 6


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "train.log").symlink_to("/dev/full")
    told = Notes()
    journal = Journal(told)
    journal.note("first")
    journal.start(tmp_path, {}, {}, 0)
    journal.note("second")
    journal.finish(Ending("finished", 1))
    complaint = "train.log can't be written (No space left on device); the run goes on without it."
    assert told.notes == ["first", complaint, "second"]


def test_a_run_that_fails_says_so_in_its_log(chat_file: Path, tmp_path: Path) -> None:
    trainer = prepare(config(chat_file, out=tmp_path / "run", steps=4, eval_every=2))

    def fail() -> dict[str, float]:
        raise TrainingError("Out of luck.")

    trainer.evaluate = fail  # type: ignore[method-assign]
    with pytest.raises(TrainingError):
        trainer.fit()
    assert lines(tmp_path / "run")[-1] == "The run failed at step 2: Out of luck."
