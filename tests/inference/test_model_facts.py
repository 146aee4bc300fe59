from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path

import pytest

from picochat.checkpoint import load_checkpoint
from picochat.errors import CheckpointError
from picochat.inference.model_facts import ModelFacts, read_model_facts
from tests.test_imports import loaded_by


def test_the_facts_are_those_of_the_whole_file(chat_model: Path) -> None:
    training = load_checkpoint(chat_model).training
    assert read_model_facts(chat_model) == ModelFacts(training["step"], training["val_loss"])


def test_reading_them_imports_no_torch(chat_model: Path) -> None:
    statement = "import pathlib, picochat.inference.model_facts as m"
    assert "torch" not in loaded_by(f"{statement}; m.read_model_facts(pathlib.Path({str(chat_model)!r}))")


def written(path: Path, record: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", record)
    return path


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.place),)


def test_nothing_in_a_file_is_executed(tmp_path: Path) -> None:
    content = {"format": "picochat/1", "training": {"step": 3, "x": Hostile(tmp_path / "made"), "val_loss": 1.5}}
    record = pickle.dumps(content, protocol=2)
    assert read_model_facts(written(tmp_path / "hostile.pt", record)) == ModelFacts(3, 1.5)
    assert not (tmp_path / "made").exists()
    pickle.load(io.BytesIO(record))
    assert (tmp_path / "made").exists()


def test_values_of_another_kind_and_missing_ones_are_left_out(tmp_path: Path) -> None:
    record = pickle.dumps({"format": "picochat/1", "training": {"step": "many"}}, protocol=2)
    assert read_model_facts(written(tmp_path / "odd.pt", record)) == ModelFacts(None, None)


def test_a_name_that_came_before_is_known_again(tmp_path: Path) -> None:
    step = "step"
    record = pickle.dumps({"format": "picochat/1", "kind": step, "training": {step: 7}}, protocol=2)
    assert read_model_facts(written(tmp_path / "again.pt", record)).step == 7


@pytest.mark.parametrize("record", [b"", b"\x80", b"junk", pickle.dumps({"step": 3}, protocol=2)])
def test_other_files_are_refused_in_a_sentence(record: bytes, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        read_model_facts(written(tmp_path / "other.pt", record))
    (tmp_path / "plain.pt").write_bytes(record)
    with pytest.raises(CheckpointError):
        read_model_facts(tmp_path / "plain.pt")
    with pytest.raises(CheckpointError):
        read_model_facts(tmp_path / "missing.pt")
