"""Models from elsewhere under every command: a GGUF file and a Hugging Face folder, named as any other model is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from picochat.checkpoint import Checkpoint, load_checkpoint
from picochat.interop.gguf_write import write_gguf
from picochat.interop.hf import write_hf
from tests.e2e import inside
from tests.interop.gguf_models import tiny

Capture = pytest.CaptureFixture[str]
SOURCES = ("model.gguf", "hf")
CPU = ("-d", "cpu", "--precision", "fp32")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same model three times."""
    folder = tmp_path_factory.mktemp("models")
    checkpoint = tiny("qwen3", context=128)
    checkpoint.save(folder / "model.pt")
    write_gguf(checkpoint, folder / "model.gguf", "f32", check=False)
    write_hf(checkpoint, folder / "hf", check=False)
    return folder


def same(one: Checkpoint, other: Checkpoint) -> bool:
    return one.weights.keys() == other.weights.keys() and all(
        torch.equal(weight, other.weights[name]) for name, weight in one.weights.items()
    )


@pytest.mark.parametrize("source", SOURCES)
def test_import(models: Path, tmp_path: Path, capfd: Capture, source: str) -> None:
    code, out, err = inside(capfd, "import", models / source, "-o", tmp_path / "mine.pt")
    assert (code, out) == (0, f"{tmp_path / 'mine.pt'}\n")
    assert "context 128; it chats" in err
    ours, mine = load_checkpoint(models / "model.pt"), load_checkpoint(tmp_path / "mine.pt")
    assert mine.config == ours.config
    assert mine.tokenizer.to_json() == ours.tokenizer.to_json()
    assert same(mine, ours)
    code, _, err = inside(capfd, "import", models / source, "-o", tmp_path / "mine.pt")
    assert code == 2
    assert "--force" in err


@pytest.mark.parametrize("source", SOURCES)
def test_import_with_a_shorter_window(models: Path, tmp_path: Path, capfd: Capture, source: str) -> None:
    arguments = ("import", models / source, "-o", tmp_path / "mine.pt", "--context", 40, "--json")
    code, out, _ = inside(capfd, *arguments)
    assert (code, json.loads(out)["context"]) == (0, 40)
    assert load_checkpoint(tmp_path / "mine.pt").config.context == 40
    code, out, _ = inside(capfd, "generate", "-m", tmp_path / "mine.pt", "-p", "Hi", *CPU, "--greedy", "-t", 8)
    assert code == 0
    assert out == inside(capfd, "generate", "-m", models / "model.pt", "-p", "Hi", *CPU, "--greedy", "-t", 8)[1]


def test_a_shorter_window_of_learned_positions(tmp_path: Path, capfd: Capture) -> None:
    write_gguf(tiny("gpt2"), tmp_path / "model.gguf", "f32", check=False)
    assert inside(capfd, "import", tmp_path / "model.gguf", "-o", tmp_path / "mine.pt", "--context", 40)[0] == 0
    mine = load_checkpoint(tmp_path / "mine.pt")
    assert mine.weights["positions.weight"].shape[0] == mine.config.context == 40
    mine.check()


@pytest.mark.parametrize("source", SOURCES)
def test_generate_and_chat(models: Path, capfd: Capture, source: str) -> None:
    for command in (("generate", "--json"), ("chat", "--no-history")):
        options = ("-p", "Hi, I'm Ada.", *CPU, "--seed", 3, "--max-tokens", 8)
        code, out, err = inside(capfd, *command, "-m", models / source, *options)
        assert code == 0, err
        expected = inside(capfd, *command, "-m", models / "model.pt", *options)[1]
        if command[0] == "generate":
            assert json.loads(out)["text"] == json.loads(expected)["text"]
        else:
            assert out == expected != ""


@pytest.mark.parametrize("source", SOURCES)
def test_info(models: Path, capfd: Capture, source: str) -> None:
    code, out, _ = inside(capfd, "info", "-m", models / source, "--json")
    assert code == 0
    facts, ours = json.loads(out), json.loads(inside(capfd, "info", "-m", models / "model.pt", "--json")[1])
    for name in ("architecture", "parameters", "vocab_size", "context", "tokenizer"):
        assert facts[name] == ours[name]
    assert inside(capfd, "info", "-m", models / source)[1].startswith(str(models / source))


@pytest.mark.parametrize("source", SOURCES)
def test_eval(models: Path, chat_file: Path, capfd: Capture, source: str) -> None:
    options = ("--data", chat_file, "--limit", 2, "-d", "cpu", "--json")
    code, out, err = inside(capfd, "eval", "-m", models / source, *options)
    assert code == 0, err
    ours = json.loads(inside(capfd, "eval", "-m", models / "model.pt", *options)[1])
    assert json.loads(out)["bits_per_byte"] == pytest.approx(ours["bits_per_byte"], rel=1e-5)


@pytest.mark.parametrize("source", SOURCES)
def test_training_starts_from_it(models: Path, chat_file: Path, tmp_path: Path, capfd: Capture, source: str) -> None:
    run = ("--data", chat_file, "--out", tmp_path / "run", "--steps", 1, "--batch-size", 2, "--device", "cpu")
    code, _, err = inside(capfd, "train", *run, "--init-from", models / source, "--lr", "1e-9")
    assert code == 0, err
    ours, mine = load_checkpoint(models / "model.pt"), load_checkpoint(tmp_path / "run")
    assert mine.config.to_dict() | {"dropout": 0} == ours.config.to_dict() | {"dropout": 0}
    assert mine.tokenizer.to_json() == ours.tokenizer.to_json()
    for name, weight in ours.weights.items():
        assert torch.allclose(mine.weights[name].float(), weight, atol=1e-2)


@pytest.mark.parametrize("place", ["none.gguf", "none", "empty"])
def test_what_may_be_named_is_said(tmp_path: Path, capfd: Capture, place: str) -> None:
    (tmp_path / "empty").mkdir()
    code, out, err = inside(capfd, "generate", "-m", tmp_path / place, "-p", "Hi")
    assert (code, out, err.count("\n")) == (2, "", 1)
    for kind in ("model file or run folder of picochat", "GGUF file", "Hugging Face folder"):
        assert kind in err


def test_a_file_that_is_no_model(tmp_path: Path, capfd: Capture) -> None:
    (tmp_path / "x.gguf").write_bytes(b"nothing of the kind")
    code, _, err = inside(capfd, "info", "-m", tmp_path / "x.gguf")
    assert code == 2
    assert "is not a picochat model, nor a GGUF file" in err
