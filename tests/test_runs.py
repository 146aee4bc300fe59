from __future__ import annotations

import math
import os
from itertools import pairwise
from pathlib import Path

import pytest

from picochat.errors import CheckpointError, OutputError
from picochat.runs import (
    check_free,
    clear,
    newest_run,
    remove_unfinished,
    resumable_run,
    run_folder,
    run_models,
    spread,
    state_file,
    state_steps,
    step_file,
)


def put(folder: Path, *steps: int, best: bool = True) -> None:
    (folder / "steps").mkdir(parents=True, exist_ok=True)
    for step in steps:
        step_file(folder, step).write_bytes(b"model")
    if best:
        (folder / "best.pt").write_bytes(b"best")


def put_states(folder: Path, *steps: int) -> None:
    (folder / "states").mkdir(parents=True)
    for step in steps:
        state_file(folder, step).write_bytes(b"state")


def test_models_come_by_step_and_without_the_best(tmp_path: Path) -> None:
    put(tmp_path, 1_000_000, 40, 120)
    assert [model.step for model in run_models(tmp_path)] == [40, 120, 1_000_000]
    assert [model.path.name for model in run_models(tmp_path)] == ["step-000040.pt", "step-000120.pt", "step-1000000.pt"]


def test_the_best_model_is_all_there_is_of_a_run_that_kept_no_other(tmp_path: Path) -> None:
    assert run_models(tmp_path) == []
    assert run_models(tmp_path / "none") == []
    put(tmp_path)
    assert [(model.path, model.step) for model in run_models(tmp_path)] == [(tmp_path / "best.pt", None)]


def test_a_model_file_names_its_run(tmp_path: Path) -> None:
    put(tmp_path, 40)
    for place in (tmp_path, tmp_path / "best.pt", step_file(tmp_path, 40)):
        assert run_folder(place) == tmp_path
        assert [model.step for model in run_models(place)] == [40]
    assert run_models(tmp_path / "none.pt") == []


@pytest.mark.parametrize("name", ["step-x.pt", "step-40.pt", "step-000000.pt", "step-0000٤٠.pt", ".step-000040.pt.x.tmp"])
def test_other_files_among_the_steps_are_not_taken_for_models(tmp_path: Path, name: str) -> None:
    put(tmp_path, 20)
    (tmp_path / "steps" / name).write_bytes(b"")
    assert [model.step for model in run_models(tmp_path)] == [20]


@pytest.mark.parametrize("keep", [4, 8, 12])
@pytest.mark.parametrize("count", [10, 33, 200, 1000])
def test_what_is_kept_stays_spread_while_a_run_grows(keep: int, count: int) -> None:
    kept: list[int] = []
    for step in range(20, 20 * count + 1, 20):
        kept = spread([*kept, step], keep)
        assert len(kept) <= keep
        assert (kept[0], kept[-1]) == (20, step)
    if count >= keep:
        assert len(kept) == keep
        # no hole much wider than an even spread would have, save that the first doubling has nothing within
        widest = max(math.log(after / before) for before, after in pairwise(kept))
        assert widest <= max(math.log(2), 2.5 * math.log(count) / (keep - 1))


@pytest.mark.parametrize(("keep", "left"), [(0, []), (1, [40]), (2, [10, 40]), (9, [10, 20, 30, 40])])
def test_few_or_none_may_be_kept(keep: int, left: list[int]) -> None:
    assert spread([30, 10, 40, 20, 10], keep) == left


def test_a_run_is_not_written_over(tmp_path: Path) -> None:
    check_free(tmp_path / "new")
    (tmp_path / "train.log").write_text("")
    check_free(tmp_path)
    put(tmp_path, 40, best=False)
    with pytest.raises(OutputError, match="already holds steps; replace it with --force"):
        check_free(tmp_path)
    check_free(tmp_path, force=True)
    with pytest.raises(OutputError, match="is a file"):
        check_free(step_file(tmp_path, 40), force=True)


def test_clearing_takes_what_is_ours_and_no_more(tmp_path: Path) -> None:
    put(tmp_path, 40, 80)
    put_states(tmp_path, 80)
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "steps" / "mine.pt").write_text("mine")
    clear(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine.pt", "notes.txt", "steps"]
    (tmp_path / "steps" / "mine.pt").unlink()
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    clear(tmp_path / "none")


def test_the_newest_run_that_has_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert newest_run("states/step-*.pt") is None
    with pytest.raises(CheckpointError, match="no run to resume under runs/"):
        resumable_run(None)
    for age, name in enumerate(["new", "old", "done"]):
        folder = tmp_path / "runs" / name
        put(folder) if name == "done" else put_states(folder, 100 + age)
        for path in folder.rglob("*.pt"):
            os.utime(path, (1e9 - age, 1e9 - age))
    assert newest_run("states/step-*.pt") == resumable_run(None) == Path("runs/new")
    assert newest_run("best.pt") == Path("runs/done")
    assert resumable_run(Path("runs/old")) == Path("runs/old")
    with pytest.raises(CheckpointError, match=r"runs/done holds no states/"):
        resumable_run(Path("runs/done"))


def test_states_come_by_step(tmp_path: Path) -> None:
    assert state_steps(tmp_path) == []
    put_states(tmp_path, 1_000_000, 40)
    (tmp_path / "states" / "step-50.pt").write_bytes(b"")
    assert state_steps(tmp_path) == [40, 1_000_000]


def test_what_a_killed_process_began_to_write_is_deleted_and_nothing_else(tmp_path: Path) -> None:
    put(tmp_path, 40)
    put_states(tmp_path, 40)
    kept = set(tmp_path.rglob("*")) | {tmp_path / ".mine.tmp"}
    (tmp_path / ".mine.tmp").write_text("mine")
    for name in (".best.pt.x1.tmp", ".manifest.json._y.tmp", "states/.step-000080.pt.z.tmp", "steps/.step-000080.pt.z.tmp"):
        (tmp_path / name).write_bytes(b"half")
    remove_unfinished(tmp_path)
    assert set(tmp_path.rglob("*")) == kept
    remove_unfinished(tmp_path / "none")
