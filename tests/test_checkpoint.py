from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from picochat.checkpoint import load_checkpoint, save_checkpoint
from picochat.errors import CheckpointError, OutputError
from picochat.files import atomic_write
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.text.tokenizer import Tokenizer
from tests.conftest import chat_text


class Bomb:
    """What a hostile pickle does."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch exploded",)


def save(path: Path, **changes: object) -> Path:
    tokenizer = Tokenizer.train([chat_text()], "bpe", 300)
    config = ModelConfig.create(preset="nano", layers=1, dim=32, heads=2, context=16, vocab_size=tokenizer.vocab_size)
    save_checkpoint(path, GPT(config), tokenizer, {"step": 3})
    if changes:
        content = torch.load(path, weights_only=True)
        torch.save({**content, **changes}, path)
    return path


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_a_model_comes_back(tmp_path: Path, dtype: torch.dtype) -> None:
    tokenizer = Tokenizer.train([chat_text()], "bpe", 300)
    config = ModelConfig.create(preset="nano", layers=1, dim=32, heads=2, context=16, vocab_size=tokenizer.vocab_size)
    model = GPT(config).eval()
    save_checkpoint(tmp_path / "m.pt", model, tokenizer, {"step": 3}, dtype=dtype)
    checkpoint = load_checkpoint(tmp_path / "m.pt")
    assert checkpoint.config == config
    assert checkpoint.training == {"step": 3}
    assert checkpoint.tokenizer.digest() == tokenizer.digest()
    ids = torch.randint(0, config.vocab_size, (1, 16))
    tolerance = 0 if dtype == torch.float32 else 0.02
    with torch.inference_mode():
        torch.testing.assert_close(checkpoint.build()(ids), model(ids), atol=tolerance, rtol=tolerance)


def test_the_file_holds_what_its_contract_says(tmp_path: Path) -> None:
    content = torch.load(save(tmp_path / "m.pt"), weights_only=True)
    assert content["format"] == "picochat/1"
    assert set(content) == {"format", "model", "tokenizer", "weights", "training"}
    assert isinstance(content["tokenizer"], str)
    assert all(isinstance(tensor, torch.Tensor) for tensor in content["weights"].values())


def test_a_tied_head_is_saved_once(tmp_path: Path) -> None:
    assert "head.weight" not in load_checkpoint(save(tmp_path / "m.pt")).weights


def test_a_pickle_is_refused_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plain.pt").write_bytes(pickle.dumps(Bomb()))
    torch.save({"format": "picochat/1", "model": Bomb()}, "zipped.pt")
    torch.save(torch.nn.Linear(2, 2), "module.pt")
    torch.save(Bomb(), "legacy.pt", _use_new_zipfile_serialization=False)
    for name in ("plain.pt", "zipped.pt", "module.pt", "legacy.pt"):
        with pytest.raises(CheckpointError, match="run any code"):
            load_checkpoint(name)
    assert not Path("exploded").exists()


def test_foreign_and_damaged_files_are_told_apart(tmp_path: Path) -> None:
    good = save(tmp_path / "good.pt").read_bytes()
    cases = {
        "missing": (None, "no model at"),
        "empty": (b"", "not a picochat model"),
        "text": (b"hello", "not a picochat model"),
        "cut": (good[: len(good) // 2], "damaged"),
    }
    for name, (content, says) in cases.items():
        path = tmp_path / f"{name}.pt"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CheckpointError) as error:
            load_checkpoint(path)
        assert says in str(error.value)
    with zipfile.ZipFile(tmp_path / "other.pt", "w") as archive:
        archive.writestr("readme.txt", "not torch")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "other.pt")
    torch.save({"state_dict": {"w": torch.ones(2)}}, tmp_path / "foreign.pt")
    with pytest.raises(CheckpointError, match="not a picochat model"):
        load_checkpoint(tmp_path / "foreign.pt")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": "picochat/99"}, "update picochat"),
        ({"model": {"layers": 1}}, "damaged"),
        ({"model": None}, "damaged"),
        ({"tokenizer": "{}"}, "tokenizer"),
        ({"tokenizer": 7}, "tokenizer|damaged"),
        ({"weights": {}}, "is missing"),
        ({"weights": None}, "damaged"),
        ({"training": 5}, "damaged"),
    ],
)
def test_a_model_with_wrong_parts_is_refused(tmp_path: Path, changes: dict[str, object], says: str) -> None:
    path = save(tmp_path / "m.pt", **changes)
    with pytest.raises(CheckpointError, match=says):
        load_checkpoint(path).build()


def test_weights_of_another_shape_are_named(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt")
    content = torch.load(path, weights_only=True)
    content["weights"]["norm.weight"] = torch.ones(3)
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=r"norm\.weight"):
        load_checkpoint(path).build()


def test_a_shape_that_would_take_terabytes_is_refused_before_it_does(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt")
    content = torch.load(path, weights_only=True)
    content["model"]["context"] = 2**50
    torch.save(content, path)
    with pytest.raises(CheckpointError, match="context"):
        load_checkpoint(path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def interrupted() -> None:
        with atomic_write(path) as stream:
            stream.write(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="can't be written"), atomic_write(tmp_path / "file" / "below"):
        pass


def test_facts_of_the_wrong_kind_are_left_out(tmp_path: Path) -> None:
    path = save(tmp_path / "m.pt", training={"step": "abc", "val_bpb": [1], "data": "x.txt", "mine": 3, 5: 6})
    assert load_checkpoint(path).training == {"data": "x.txt", "mine": 3, "5": 6}
