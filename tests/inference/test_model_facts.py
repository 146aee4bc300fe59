from __future__ import annotations

import io
import json
import os
import pickle
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picochat.checkpoint import load_checkpoint
from picochat.errors import CheckpointError
from picochat.inference.model_facts import ModelFacts, read_model_facts, weight_files
from picochat.interop.gguf_write import write_gguf
from picochat.interop.hf import write_hf
from tests.interop.gguf_models import ARCHITECTURES, rewrite, tiny
from tests.test_imports import loaded_by


def test_the_facts_are_those_of_the_whole_file(chat_model: Path) -> None:
    training = load_checkpoint(chat_model).training
    assert read_model_facts(chat_model) == ModelFacts(training["step"], training["val_loss"])


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a GGUF file and a Hugging Face folder of each architecture."""
    folder = tmp_path_factory.mktemp("foreign")
    for architecture in ARCHITECTURES:
        checkpoint = tiny(architecture)
        write_gguf(checkpoint, folder / f"{architecture}.gguf", "q8_0")
        write_hf(checkpoint, folder / architecture, check=False)
    return folder


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_of_a_model_from_elsewhere_the_header_tells(foreign: Path, architecture: str) -> None:
    expected = ModelFacts(architecture=architecture, parameters=tiny(architecture).config.parameters)
    assert read_model_facts(foreign / f"{architecture}.gguf") == expected
    assert read_model_facts(foreign / architecture) == expected


def test_where_the_weights_are(foreign: Path) -> None:
    assert weight_files(foreign / "llama") == [foreign / "llama" / "model.safetensors"]
    assert weight_files(foreign / "llama.gguf") == [foreign / "llama.gguf"]
    assert weight_files(foreign) == []


def test_models_that_there_is_no_network_for_are_refused(foreign: Path, tmp_path: Path) -> None:
    other = rewrite(foreign / "llama.gguf", tmp_path / "other.gguf", general__architecture="gemma3")
    with pytest.raises(CheckpointError, match="gemma3"):
        read_model_facts(other)
    (tmp_path / "config.json").write_text('{"model_type": "gemma3"}')
    with pytest.raises(CheckpointError, match="gemma3"):
        read_model_facts(tmp_path)
    cut = tmp_path / "cut.gguf"
    cut.write_bytes((foreign / "llama.gguf").read_bytes()[:1000])
    with pytest.raises(CheckpointError):
        read_model_facts(cut)


GOOD = {"num_attention_heads": 2, "hidden_size": 8, "num_hidden_layers": 1, "intermediate_size": 8, "vocab_size": 9}
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)


@settings(max_examples=30, derandomize=True)
@given(
    st.recursive(VALUES, lambda inner: st.dictionaries(st.text(), inner, max_size=3), max_leaves=5)
    | st.dictionaries(st.sampled_from([*GOOD, "model_type", "rope_parameters", "layer_types"]), VALUES).map(
        lambda changes: {"model_type": "llama", **GOOD, **changes}
    )
)
def test_any_config_is_read_or_refused(content: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(content))
        try:
            facts = read_model_facts(Path(folder))
        except CheckpointError:
            return
        assert facts.architecture in ARCHITECTURES


def test_reading_them_imports_no_torch(chat_model: Path, foreign: Path) -> None:
    paths = [str(path) for path in (chat_model, foreign / "llama.gguf", foreign / "llama")]
    statement = "import pathlib, picochat.inference.model_facts as m"
    assert "torch" not in loaded_by(f"{statement}; [m.read_model_facts(pathlib.Path(path)) for path in {paths!r}]")


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
