"""Models of picochat, written for transformers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from picochat.checkpoint import Checkpoint, load_checkpoint
from picochat.errors import CheckpointError, ConfigError, OutputError
from picochat.interop import hf_check, hf_weights
from picochat.interop.hf import read_hf, write_hf
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.text.chat_format import ChatFormat, Message
from picochat.text.tokenizer import Tokenizer
from picochat.text.turns import CHATML
from tests.conftest import chat_text

transformers = pytest.importorskip("transformers")

TOKENIZER = Tokenizer.train([chat_text()], "bpe", 400)


def make(kind: str = "chat", **shape: Any) -> Checkpoint:
    wishes = {"layers": 2, "heads": 2, "dim": 32, "context": 64, "vocab_size": TOKENIZER.vocab_size + 3, **shape}
    config = ModelConfig.create(preset="nano", **wishes)
    torch.manual_seed(5)
    model = GPT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return Checkpoint(config, TOKENIZER, model.saved_weights(), {"kind": kind, "step": 7})


SHAPES: list[dict[str, Any]] = [
    {"architecture": "gpt2"},
    {"architecture": "gpt2", "tied": False, "ff_dim": 48},
    {"architecture": "llama", "kv_heads": 1, "rope_theta": 500.0},
    {"architecture": "llama", "bias": True, "tied": False},
    {"architecture": "qwen3", "heads": 4, "kv_heads": 2, "head_dim": 16},
    # told by its switches, not by its name
    {"architecture": "qwen3", "qk_norm": False},
]


@pytest.mark.parametrize("shape", SHAPES)
def test_transformers_computes_the_same(tmp_path: Path, shape: dict[str, Any]) -> None:
    checkpoint = make(**shape)
    facts = write_hf(checkpoint, tmp_path / "out")
    assert facts["checked"]["difference"] < 1e-5
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()
    assert theirs.num_parameters() == checkpoint.config.parameters
    ours, row = checkpoint.build(), torch.tensor([TOKENIZER.encode("Hi, I'm Ada")])
    with torch.inference_mode():
        assert (ours(row) - theirs(row).logits).abs().max() < 1e-4
        said = theirs.generate(row, do_sample=False, max_new_tokens=12, eos_token_id=None)[0].tolist()
        for _ in range(12):
            row = torch.cat((row, ours(row)[:, -1:].argmax(-1)), dim=1)
    assert row[0].tolist() == said


@pytest.mark.parametrize("shape", SHAPES[:-1])
def test_what_was_written_is_read_back_as_it_was(tmp_path: Path, shape: dict[str, Any]) -> None:
    checkpoint = make(**shape)
    write_hf(checkpoint, tmp_path / "out", check=False)
    again = read_hf(tmp_path / "out")
    assert again.config == checkpoint.config
    assert again.tokenizer.turns == CHATML
    assert again.tokenizer.digest() == TOKENIZER.digest()
    assert again.weights.keys() == checkpoint.weights.keys()
    assert all(torch.equal(again.weights[name], tensor) for name, tensor in checkpoint.weights.items())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bits(tmp_path: Path, dtype: str) -> None:
    checkpoint = make(architecture="gpt2")
    assert write_hf(checkpoint, tmp_path / "out", dtype=dtype)["checked"]["difference"] < 1e-5
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out", dtype="auto")
    assert theirs.dtype == getattr(torch, dtype)


def test_the_folder_of_a_chat_model_tells_all_that_a_chat_needs(chat_model: Path, tmp_path: Path) -> None:
    checkpoint = load_checkpoint(chat_model)
    folder = tmp_path / "out"
    write_hf(checkpoint, folder, sampling={"do_sample": True, "temperature": 0.8, "top_k": 20})
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    talk = [
        Message("system", "Be kind."),
        Message("user", "Hi, I'm Ada."),
        Message("assistant", "Oh"),
        Message("user", "Hm"),
    ]
    given = [{"role": message.role, "content": message.content} for message in talk]
    ids = tokenizer.apply_chat_template(given, add_generation_prompt=True, return_dict=False)
    assert ids == ChatFormat(checkpoint.tokenizer).prompt(talk)
    assert tokenizer.apply_chat_template(given, return_dict=False) == ChatFormat(checkpoint.tokenizer).render(talk).ids
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert (model.generation_config.temperature, model.generation_config.top_k) == (0.8, 20)
    question = tokenizer.apply_chat_template(given[1:2], add_generation_prompt=True, return_tensors="pt")["input_ids"]
    answer = model.generate(question, do_sample=False, max_new_tokens=40)[0, question.shape[1] :]
    assert tokenizer.decode(answer) == "Hello Ada!<|im_end|>"
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: transformers\n")
    assert f"{checkpoint.config.parameters:,}" in card
    assert "<|im_start|>user" in card


def test_the_folder_of_a_text_model_has_no_turns(tmp_path: Path) -> None:
    write_hf(make("text"), tmp_path / "out")
    assert transformers.AutoTokenizer.from_pretrained(tmp_path / "out").chat_template is None
    assert json.loads((tmp_path / "out" / "generation_config.json").read_text())["eos_token_id"] == [0]
    assert read_hf(tmp_path / "out").training["kind"] == "text"


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        ({"position": "alibi"}, "alibi"),
        ({"architecture": "gpt2", "position": "sinusoidal"}, "sinusoidal"),
        ({"architecture": "gpt2", "activation": "swiglu"}, "no stock class"),
        ({"architecture": "qwen3", "bias": True}, "no stock class"),
        ({"architecture": "gpt2", "kv_heads": 1}, "GPT-2"),
    ],
)
def test_what_no_class_holds_is_refused(tmp_path: Path, shape: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        write_hf(make(**shape), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_computes_something_else_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = dict(hf_weights._LAYER["llama"])
    names["feed_forward.up"] = names["feed_forward.up"][::-1]
    monkeypatch.setitem(hf_weights._LAYER, "llama", names)
    with pytest.raises(CheckpointError, match="computes something else"):
        write_hf(make(), tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_tokenizer_that_cuts_otherwise_is_told(tmp_path: Path) -> None:
    checkpoint = make()
    write_hf(checkpoint, tmp_path / "out")
    raw = json.loads((tmp_path / "out" / "tokenizer.json").read_text())
    raw["model"]["merges"] = []
    (tmp_path / "out" / "tokenizer.json").write_text(json.dumps(raw))
    with pytest.raises(CheckpointError, match="another way"):
        hf_check.check_hf(tmp_path / "out", checkpoint)


def test_a_folder_that_holds_something_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(OutputError, match="already"):
        write_hf(make(), tmp_path)
    with pytest.raises(OutputError, match="already"):
        write_hf(make(), tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "x"
