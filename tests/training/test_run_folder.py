"""What a run folder holds after damage, a full disk, a kill at any moment, and a second process."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from picochat.checkpoint import read_tensors
from picochat.errors import CheckpointError, OutputError, PicochatWarning
from picochat.files import HashingWriter, file_digest
from picochat.manifest import read_manifest
from picochat.runs import find_model_file, run_models, state_file, state_steps, step_file
from picochat.training.run import RunFolder

STEPS = [20, 40, 60]


def state(step: int, size: int = 50) -> dict[str, Any]:
    return {"clock": {"step": step}, "weights": {"w": torch.full((size,), step)}}


def holds(content: dict[str, Any], step: int) -> bool:
    return content["clock"]["step"] == step and torch.equal(content["weights"]["w"], state(step)["weights"]["w"])


def told(run: RunFolder) -> list[str]:
    """What a run says from now on."""
    notes: list[str] = []
    run._note = notes.append
    return notes


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with three states, three models and a best one."""
    run = RunFolder(tmp_path_factory.mktemp("runs") / "saved")
    for step in STEPS:
        assert run.save_best(step, state(step))
        assert run.save_state(state(step), keep=3)
        assert run.save_model(step, state(step), keep=3)
    return run.path


def test_the_manifest_lists_each_file_as_it_is(saved: Path) -> None:
    entries = read_manifest(saved)
    assert {entry.name for entry in entries} == {
        path.relative_to(saved).as_posix() for path in saved.rglob("*.pt")
    } and len(entries) == 7  # fmt: skip
    for entry in entries:
        assert (entry.size, entry.sha256) == ((saved / entry.name).stat().st_size, file_digest(saved / entry.name))
        assert entry.step == read_tensors(saved / entry.name)["clock"]["step"]


def test_the_newest_states_are_left(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    for step in (5, 10, 15, 20):
        run.write_state(state(step), keep=2)
    assert state_steps(run.path) == [15, 20]
    run.write_state(state(20), keep=2)
    assert state_steps(run.path) == [15, 20]
    run.write_state(state(25), keep=1)
    assert state_steps(run.path) == [25]
    assert [entry.name for entry in read_manifest(run.path)] == ["states/step-000025.pt"]
    assert holds(run.read_state(), 25)


def damage(path: Path, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "delete"]))
    if kind == "delete":
        path.unlink()
    elif kind == "cut":
        path.write_bytes(content[:place])
    else:
        content[place] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)


@given(data=st.data(), harmed=st.sets(st.sampled_from(STEPS), max_size=2), manifest=st.booleans())
def test_the_newest_whole_state_is_found(
    saved: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, harmed: set[int], manifest: bool
) -> None:
    folder = tmp_path_factory.mktemp("damaged") / "run"
    shutil.copytree(saved, folder)
    for step in harmed:
        damage(state_file(folder, step), data)
    if manifest:
        damage(folder / "manifest.json", data)
    run = RunFolder.open(folder)
    notes = told(run)
    whole = max(set(STEPS) - harmed)
    found = run.read_state()
    step = found["clock"]["step"]
    if not read_manifest(folder):
        # without hashes, a byte that nobody reads may be anything: what is read must be what was written
        assert step >= whole
        assert holds(found, step)
        return
    assert holds(found, whole)
    assert len(notes) == (whole < 60)
    for note in notes:
        assert note.startswith("states/step-000060.pt is damaged (it")
        assert note.endswith(f"; going on from step {whole}.")
    run.forget_after(whole)
    run.write_state(state(whole + 1))
    again = RunFolder.open(folder)
    notes = told(again)
    assert holds(again.read_state(), whole + 1)
    assert notes == []
    shutil.rmtree(folder.parent)


def test_what_is_passed_over_is_told(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "run")
    path = state_file(tmp_path / "run", 60)
    path.write_bytes(path.read_bytes().replace(b"weights", b"wieghts"))
    notes: list[str] = []
    assert holds(RunFolder.open(tmp_path / "run", note=notes.append).read_state(), 40)
    assert notes == ["states/step-000060.pt is damaged (its hash is not the one in the manifest); going on from step 40."]


def test_no_state_is_whole(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "run")
    for step in STEPS:
        state_file(tmp_path / "run", step).write_bytes(b"PK half")
    with pytest.raises(CheckpointError) as error:
        RunFolder.open(tmp_path / "run").read_state()
    assert str(error.value).startswith(f"The run in {tmp_path / 'run'} can't be resumed: states/step-000060.pt is damaged")
    assert str(error.value).endswith("start it again with --force.")


def test_a_state_of_another_version_is_passed_over(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    run.write_state(state(20))
    run._write(state_file(run.path, 40), 40, {"format": "picochat-state/9"})
    notes = told(run)
    assert holds(run.read_state(), 20)
    assert "not written by this version" in notes[0]


def test_a_run_that_goes_on_forgets_what_came_later(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    run.forget_after(40)
    assert (state_steps(run.path), run.kept_steps()) == ([20, 40], [20, 40])
    assert {entry.step for entry in read_manifest(run.path) if entry.name != "best.pt"} == {20, 40}


def test_a_hostile_manifest_leads_nowhere_else(tmp_path: Path) -> None:
    from picochat.manifest import Entry, write_manifest

    (tmp_path / "mine.pt").write_text("mine")
    run = RunFolder(tmp_path / "run")
    run.write_state(state(20))
    write_manifest(run.path, [Entry("../mine.pt", 99, 4, "0"), Entry("\x00", -5, -1, ""), *read_manifest(run.path)])
    assert holds(run.read_state(), 20)
    run.forget_after(1)
    run.write_state(state(2), keep=1)
    assert (tmp_path / "mine.pt").read_text() == "mine"


# -- models ---------------------------------------------------------------------------------------------------------------


def test_the_newest_whole_model_takes_the_place_of_a_damaged_best_one(saved: Path, tmp_path: Path) -> None:
    shutil.copytree(saved, tmp_path / "run")
    assert find_model_file(tmp_path / "run") == tmp_path / "run" / "best.pt"
    with (tmp_path / "run" / "best.pt").open("ab") as stream:
        stream.write(b"more")
    with pytest.warns(PicochatWarning, match=r"best\.pt is damaged \(it has .* the model of step 60 takes its place"):
        assert find_model_file(tmp_path / "run") == step_file(tmp_path / "run", 60)
    step_file(tmp_path / "run", 60).write_bytes(b"")
    (tmp_path / "run" / "best.pt").unlink()
    with pytest.warns(PicochatWarning, match="it is missing.*step 40"):
        assert find_model_file(tmp_path / "run") == step_file(tmp_path / "run", 40)
    for model in run_models(tmp_path / "run"):
        model.path.unlink()
    with pytest.raises(CheckpointError, match=r"holds no best\.pt"):
        find_model_file(tmp_path / "run")


# -- a full disk ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_costs_nothing_and_is_told_once_an_event(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(saved, tmp_path / "run")
    run = RunFolder(tmp_path / "run")
    notes = told(run)
    files = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    write = HashingWriter.write
    room = 1000

    def full(stream: HashingWriter, data: Any) -> int:
        if stream.size + len(data) > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(stream, data)

    monkeypatch.setattr(HashingWriter, "write", full)
    for step in (80, 100):
        assert not run.save_state(state(step), keep=2)
        assert not run.save_best(step, state(step))
        assert not run.save_model(step, state(step), keep=2)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == files
    assert len(notes) == 3
    assert notes[0].startswith("The state of step 80 is not saved: ")
    assert "No space left on device); free some space" in notes[0]
    assert holds(run.read_state(), 60)
    with pytest.raises(OutputError, match="The state of step 100 is not saved"):
        run.check_saved()

    room = 10_000
    assert run.save_state(state(120), keep=2)
    assert run.save_best(120, state(120))
    run.check_saved()
    assert len(notes) == 3
    assert state_steps(run.path) == [60, 120]

    room = 0
    assert not run.save_state(state(140), keep=2)
    assert len(notes) == 4
    assert holds(run.read_state(), 120)


def script(code: str, *arguments: object) -> str:
    """What a program prints that runs in a process of its own, which may be limited and killed."""
    words = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=200, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    return done.stdout


LIMITED = """
import resource, sys
from pathlib import Path
from picochat.training.run import RunFolder
from tests.training.test_run_folder import state

run = RunFolder(Path(sys.argv[1]), note=print)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for step, size in ((10, 50), (20, 10**5), (30, 10**5), (40, 50), (50, 10**5)):
    run.save_state(state(step, size))
    assert not list(run.path.rglob("*.tmp"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_file_that_really_cannot_grow(tmp_path: Path) -> None:
    notes = script(LIMITED, tmp_path / "run").splitlines()
    assert [note.partition(":")[0] for note in notes] == [f"The state of step {step} is not saved" for step in (20, 50)]
    assert state_steps(tmp_path / "run") == [10, 40]
    assert holds(RunFolder(tmp_path / "run").read_state(), 40)


# -- a kill ---------------------------------------------------------------------------------------------------------------

KILLED = """
import os, sys
from pathlib import Path
from picochat.checkpoint import read_tensors
from picochat.runs import find_model_file, state_steps
from picochat.training.run import RunFolder
from tests.training.test_run_folder import holds, state

def work(run, steps, done):
    run.lock()
    for step in steps:
        if step == 2:
            run.write_state(state(step), keep=1)  # twice, as on Ctrl-C
        assert run.save_best(step, state(step))
        assert run.save_state(state(step), keep=1)
        assert run.save_model(step, state(step), keep=1)
        done(step)
    run.unlock()

def killed_at(count, folder, pipe):
    left = count
    def hook(event, _):
        nonlocal left
        if event in ("open", "os.rename", "os.remove", "os.chmod", "tempfile.mkstemp"):
            left -= 1
            if left < 0:
                os._exit(9)
    sys.addaudithook(hook)
    work(RunFolder(folder), range(1, 3), lambda step: os.write(pipe, bytes([step])))
    os._exit(0)

os.fsync = lambda _: None  # the system lives on
complain = lambda text: sys.exit(text)
for count in range(10_000):
    folder = Path(sys.argv[1]) / str(count)
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        killed_at(count, folder, writer)
    os.close(writer)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    acknowledged = max(os.read(reader, 99), default=0)
    os.close(reader)
    run, step = RunFolder(folder, note=complain), 0
    if state_steps(folder):
        content = run.read_state()
        step = content["clock"]["step"]
        assert holds(content, step)
    assert step in (acknowledged, acknowledged + 1)
    if step:
        best = read_tensors(find_model_file(folder))
        assert holds(best, best["clock"]["step"]) and abs(best["clock"]["step"] - step) <= 1
    run.forget_after(step)
    work(run, range(step + 1, 3), lambda step: None)
    assert holds(run.read_state(), 2)
    assert step == 2 or state_steps(folder) == run.kept_steps() == [2]
    assert not list(folder.rglob("*.tmp"))
    if code == 0:
        break
    assert code == 9
print(count)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_before_any_change_of_the_folder_loses_at_most_one_save_and_looks_like_no_damage(tmp_path: Path) -> None:
    assert int(script("import warnings; warnings.simplefilter('error')" + KILLED, tmp_path)) > 50


# -- two processes --------------------------------------------------------------------------------------------------------

HOLDING = """
import sys
from pathlib import Path
from picochat.training.lock import lock
lock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_one_process_at_a_time_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    words = [sys.executable, "-c", HOLDING, str(run.path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(OutputError, match="is going on in another process"):
            run.lock()
        other.kill()
    run.lock()
    run.lock()
    with subprocess.Popen(words, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root) as other:
        assert other.stderr is not None
        assert b"is going on in another process" in other.stderr.read()
    run.unlock()
    run.unlock()
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root) as other:
        assert other.communicate()[0] == b"held\n"


def test_a_folder_that_cannot_be_made_cannot_be_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="can't be written"):
        RunFolder(tmp_path / "file" / "run").lock()
