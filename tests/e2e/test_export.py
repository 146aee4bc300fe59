"""Models for other programs, by the command."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from picochat.checkpoint import load_checkpoint
from picochat.interop import onnx_folder
from picochat.interop.gguf_read import read_gguf
from picochat.interop.onnx_check import with_stored_weights
from tests.e2e import inside
from tests.interop.gguf_models import tiny

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    tiny("qwen3").save(tmp_path / "model.pt")
    return tmp_path / "model.pt"


def test_gguf_is_one_file(model: Path, tmp_path: Path, capfd: Capture) -> None:
    code, out, err = inside(capfd, "export", tmp_path / "tiny.gguf", "-m", model, "--to", "gguf", "--kind", "f32", "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts["checked"]["judge"] in ("llama.cpp", "picochat")
    assert {name: facts[name] for name in ("to", "path", "kind", "architecture")} == {
        "to": "gguf", "path": str(tmp_path / "tiny.gguf"), "kind": "f32", "architecture": "qwen3",
    }  # fmt: skip
    assert facts["bytes"] == (tmp_path / "tiny.gguf").stat().st_size
    assert read_gguf(tmp_path / "tiny.gguf").config == load_checkpoint(model).config


def test_ollama_is_a_folder_with_settings(model: Path, tmp_path: Path, capfd: Capture) -> None:
    code, out, err = inside(capfd, "export", tmp_path / "mine", "-m", model, "--to", "ollama")
    assert (code, out) == (0, f"{tmp_path / 'mine'}\n")
    assert err.startswith("qwen3, 0.1M parameters, f16, ")
    lines = set((tmp_path / "mine" / "Modelfile").read_text().splitlines())
    assert {"FROM ./model.gguf", "PARAMETER temperature 0.3", "PARAMETER top_k 20", "PARAMETER repeat_penalty 1"} <= lines


def test_a_hugging_face_folder_says_what_was_compared(model: Path, tmp_path: Path, capfd: Capture) -> None:
    pytest.importorskip("transformers")
    code, out, err = inside(capfd, "export", tmp_path / "hf", "-m", model, "--dtype", "bfloat16")
    assert (code, out) == (0, f"{tmp_path / 'hf'}\n")
    assert "bfloat16" in err
    assert "transformers computes the same" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "hf", "--kind", "f16"], "--kind does not go with --to hf, which takes --dtype"),
        (["--to", "gguf", "--dtype", "float16"], "--dtype does not go with --to gguf, which takes --kind"),
        (["--to", "ollama", "--precision", "int8"], "--precision does not go with --to ollama"),
        (["--to", "onnx", "--kind", "f16"], "--kind does not go with --to onnx, which takes --precision"),
    ],
)
def test_options_of_another_target_are_refused(
    model: Path, tmp_path: Path, capfd: Capture, arguments: list[str], words: str
) -> None:
    code, out, err = inside(capfd, "export", tmp_path / "new", "-m", model, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("to", ["hf", "gguf", "ollama", "onnx"])
def test_what_is_there_is_left_alone(model: Path, tmp_path: Path, capfd: Capture, to: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "kept").write_text("x")
    for place in (tmp_path / "full", model):
        code, _, err = inside(capfd, "export", place, "-m", model, "--to", to)
        assert code == 2
        assert "is there already" in err
    assert (tmp_path / "full" / "kept").read_text() == "x"
    assert load_checkpoint(model).config.architecture == "qwen3"


# -- ONNX ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4"])
def test_onnx_computes_the_same(model: Path, tmp_path: Path, capfd: Capture, precision: str) -> None:
    arguments = ("--to", "onnx", "--precision", precision)
    code, out, _ = inside(capfd, "export", tmp_path / "onnx", "-m", model, *arguments, "--json")
    assert code == 0
    checked = json.loads(out)["checked"]
    assert checked["difference"] <= checked["tolerance"] == (1e-4 if precision == "fp32" else 0.15)
    assert (checked["rounding"] > 0) == (precision != "fp32")
    names = ["README.md", "config.json", "model.onnx", "model.onnx.data", "tokenizer.json"]
    assert sorted(path.name for path in (tmp_path / "onnx").iterdir()) == names
    # a graph is no model to go on with
    code, _, err = inside(capfd, "info", "-m", tmp_path / "onnx")
    assert code == 2
    assert "is no model of transformers" in err


@pytest.mark.parametrize(("architecture", "kind"), [("gpt2", "text"), ("qwen3", "chat")])
def test_the_program_of_the_readme_writes_what_picochat_writes(
    tmp_path: Path, capfd: Capture, architecture: str, kind: str
) -> None:
    tiny(architecture, kind=kind).save(tmp_path / "model.pt")
    assert inside(capfd, "export", tmp_path / "onnx", "-m", tmp_path / "model.pt", "--to", "onnx")[0] == 0
    program = re.search(r"```python\n(.*?)```", (tmp_path / "onnx" / "README.md").read_text(), re.DOTALL)
    assert program is not None
    prompt = "Hi <|im_end|> caf\u00e9"
    run = [sys.executable, "-c", program[1], prompt]
    said = subprocess.run(run, cwd=tmp_path / "onnx", capture_output=True, text=True, encoding="utf-8", check=True).stdout
    # its window ends the text
    options = ("-d", "cpu", "--precision", "fp32", "--greedy", "--guidance-scale", 1, "-t", 64, "--json")
    code, out, _ = inside(capfd, "generate", "-m", tmp_path / "model.pt", "-p", prompt, *options)
    assert code == 0
    assert said.strip()
    assert json.loads(out)["text"].startswith(said.rstrip("\n\ufffd"))


def test_a_graph_of_another_model_is_not_kept(tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny("llama").save(tmp_path / "model.pt")
    write = onnx_folder.write_onnx

    def spoil(config: object, weights: dict[str, object], *more: object) -> None:
        name = "blocks.1.feed_forward.up.weight"
        write(config, {**weights, name: np.roll(weights[name], 1, axis=0)}, *more)  # type: ignore[arg-type,call-overload]

    monkeypatch.setattr(onnx_folder, "write_onnx", spoil)
    for precision in ("fp32", "int8", "int4"):
        arguments = ("-m", tmp_path / "model.pt", "--to", "onnx", "--precision", precision)
        code, _, err = inside(capfd, "export", tmp_path / "onnx", *arguments)
        assert code == 2
        assert "was not kept, as it is not the model: its logits are" in err
        assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["model.pt"]
    assert inside(capfd, "export", tmp_path / "onnx", *arguments, "--no-check")[0] == 0


def test_a_tied_head_is_rounded_and_the_embedding_is_not() -> None:
    model = tiny("qwen3", tied=True)
    rounded = with_stored_weights(model, "int4")
    assert not rounded.config.tied
    assert (rounded.weights["embedding.weight"] == model.weights["embedding.weight"]).all()
    assert (rounded.weights["head.weight"] != model.weights["embedding.weight"]).any()


def test_the_head_keeps_more_bits_than_the_rest() -> None:
    model = tiny("qwen3", tied=True)
    eight, four = (with_stored_weights(model, precision) for precision in ("int8", "int4"))
    assert (four.weights["head.weight"] == eight.weights["head.weight"]).all()
    name = "blocks.1.feed_forward.up.weight"
    assert (four.weights[name] != eight.weights[name]).any()


def test_a_network_that_the_graph_can_not_hold(tmp_path: Path, capfd: Capture) -> None:
    tiny("gpt2", position="alibi").save(tmp_path / "model.pt")
    code, _, err = inside(capfd, "export", tmp_path / "onnx", "-m", tmp_path / "model.pt", "--to", "onnx")
    assert code == 2
    assert "can't be written as ONNX" in err
    assert not (tmp_path / "onnx").exists()
