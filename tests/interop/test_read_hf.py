"""Models of transformers, read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from picochat.checkpoint import load_checkpoint
from picochat.errors import CheckpointError
from picochat.interop.hf import read_hf
from picochat.interop.source import read_any
from picochat.text.chat_format import ChatFormat, Message
from tests.interop.conftest import ZEPHYR

pytest.importorskip("transformers")

Make = Callable[..., tuple[Path, Any, Any]]
TEXT = "Hi, I'm Ada. \U0001f600 2 + 2"
KINDS = [
    ("gpt2", {}),
    ("gpt2", {"tie_word_embeddings": False, "n_inner": 40}),
    ("llama", {}),
    ("llama", {"tie_word_embeddings": True, "attention_bias": True}),
    ("llama", {"mlp_bias": True, "attention_bias": True}),
    ("qwen3", {}),
    ("qwen3", {"tie_word_embeddings": True, "num_key_value_heads": 4}),
]


def assert_same(checkpoint: Any, theirs: Any, tokenizer: Any) -> None:
    ours = checkpoint.build()
    ids = tokenizer.encode(TEXT, add_special_tokens=False)
    assert checkpoint.tokenizer.encode(TEXT) == ids
    row = torch.tensor([ids])
    with torch.inference_mode():
        assert (ours(row) - theirs(row).logits).abs().max() < 1e-4
        said = theirs.generate(row, do_sample=False, max_new_tokens=12, eos_token_id=None, pad_token_id=0)[0].tolist()
        for _ in range(12):
            row = torch.cat((row, ours(row)[:, -1:].argmax(-1)), dim=1)
    assert row[0].tolist() == said


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_a_folder_computes_what_transformers_computes(make_hf: Make, kind: str, settings: dict[str, Any]) -> None:
    folder, theirs, tokenizer = make_hf(kind, **settings)
    checkpoint = read_hf(folder)
    assert checkpoint.config.architecture == kind
    assert checkpoint.config.parameters == theirs.num_parameters() or settings.get("attention_bias")
    assert_same(checkpoint, theirs, tokenizer)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_and_shards_are_read(make_hf: Make, dtype: torch.dtype) -> None:
    folder, theirs, tokenizer = make_hf("llama", dtype=dtype, max_shard_size="20KB")
    assert (folder / "model.safetensors.index.json").is_file()
    checkpoint = read_hf(folder)
    assert {tensor.dtype for tensor in checkpoint.weights.values()} == {dtype}
    assert_same(checkpoint, theirs, tokenizer)


def test_a_base_model_without_its_wrapper_is_read(make_hf: Make) -> None:
    folder, theirs, tokenizer = make_hf("gpt2")
    theirs.transformer.save_pretrained(folder)
    assert_same(read_hf(folder), theirs, tokenizer)


def test_the_file_of_an_imported_model_keeps_all(make_hf: Make, tmp_path: Path) -> None:
    folder, theirs, tokenizer = make_hf("qwen3", template=ZEPHYR)
    read_any(folder).save(tmp_path / "m.pt")
    again = load_checkpoint(tmp_path / "m.pt")
    assert again.training == {"kind": "chat", "source": "qwen3-model"}
    assert again.tokenizer.vocab_size == len(tokenizer)
    assert_same(again, theirs, tokenizer)
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Oh"}, {"role": "user", "content": "Ah"}]
    theirs_ids = tokenizer.apply_chat_template(talk, add_generation_prompt=True, return_dict=False)
    assert ChatFormat(again.tokenizer).prompt([Message(**message) for message in talk]) == theirs_ids


def test_old_and_new_places_of_the_rotary_base_are_read(make_hf: Make) -> None:
    folder, theirs, tokenizer = make_hf("llama")
    edit(folder / "config.json", rope_parameters=None, rope_theta=5000.0)
    assert_same(read_hf(folder), theirs, tokenizer)
    edit(folder / "config.json", rope_theta=77.0)
    assert read_hf(folder).config.rope_theta == 77.0


def edit(path: Path, **changes: Any) -> None:
    content = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in content.items() if value is not None}))


WRONG_CONFIGS = [
    ("llama", {"model_type": "mamba"}, "'mamba'.*gpt2, llama, qwen3"),
    ("llama", {"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0}}, "'llama3'"),
    ("llama", {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": None}, "'linear'"),
    ("llama", {"hidden_act": "gelu"}, "hidden_act = 'gelu'"),
    ("qwen3", {"use_sliding_window": True}, "use_sliding_window"),
    ("qwen3", {"attention_bias": True}, "attention_bias"),
    ("gpt2", {"activation_function": "relu"}, "activation_function"),
    ("gpt2", {"n_head": 0}, "shape"),
    ("gpt2", {"n_head": None}, "n_head"),
    ("gpt2", {"n_embd": "wide"}, "shape"),
    ("gpt2", {"n_positions": 2**60}, "context"),
    ("llama", {"quantization_config": {"bits": 4}}, "quantised"),
    ("llama", {"intermediate_size": 40}, "gate_proj.weight' is .48, 32. and should be .40, 32."),
    ("llama", {"num_hidden_layers": 3}, r"layers.2.*missing"),
    ("llama", {"num_hidden_layers": 1}, r"layers.1.*no part"),
    ("gpt2", {"vocab_size": 100}, "tokenizer has"),
]


@pytest.mark.parametrize(("kind", "changes", "says"), WRONG_CONFIGS)
def test_a_config_that_can_not_be_followed_is_told(make_hf: Make, kind: str, changes: dict[str, Any], says: str) -> None:
    folder, _, _ = make_hf(kind)
    edit(folder / "config.json", **changes)
    with pytest.raises(CheckpointError, match=says):
        read_hf(folder)


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def huge_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes((2**45).to_bytes(8, "little") + b"{}")


def outside(folder: Path) -> None:
    edit_index(folder, "../secret.safetensors")


def missing_shard(folder: Path) -> None:
    edit_index(folder, "model-00001-of-00002.safetensors")


def edit_index(folder: Path, file: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"model.embed_tokens.weight": file}}))


def whole_numbers(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    save_file({name: tensor.to(torch.int8) for name, tensor in tensors.items()}, folder / "model.safetensors")


WRONG_FILES = [
    (cut_short, "damaged or cut short"),
    (huge_header, "damaged or cut short"),
    (outside, "outside of its folder"),
    (missing_shard, "model-00001-of-00002.safetensors is missing"),
    (whole_numbers, "I8"),
    (lambda folder: (folder / "model.safetensors").unlink(), "holds no model.safetensors"),
    (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer.json"),
    (lambda folder: (folder / "tokenizer.json").write_text("{}"), "tokenizer.json is damaged"),
    (lambda folder: (folder / "config.json").write_text("[1"), "config.json is damaged"),
    (lambda folder: (folder / "config.json").write_text("[1]"), "config.json is damaged"),
    (lambda folder: (folder / "tokenizer_config.json").write_text("["), "tokenizer_config.json is damaged"),
]


@pytest.mark.parametrize(("damage", "says"), WRONG_FILES)
def test_damaged_and_hostile_folders_are_told(make_hf: Make, damage: Callable[[Path], object], says: str) -> None:
    folder, _, _ = make_hf("llama")
    damage(folder)
    with pytest.raises(CheckpointError, match=says):
        read_hf(folder)


def test_what_is_there_goes_before_a_name_on_the_hub(make_hf: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _, _ = make_hf("gpt2")
    (tmp_path / "org").mkdir()
    folder.rename(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)
    assert read_any("org/name").training["source"] == "name"


def test_a_name_on_the_hub_is_fetched_with_the_needed_files_only(make_hf: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    folder, _, _ = make_hf("gpt2")
    asked: list[Any] = []

    def snapshot_download(name: str, *, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert read_any("org/name").training["source"] == "org/name"
    [(name, patterns)] = asked
    assert name == "org/name"
    assert not any("bin" in pattern or pattern.startswith("*") for pattern in patterns)


def test_without_a_network_a_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match="nothing at no/where"):
        read_any("no/where")


@pytest.mark.parametrize("name", ["nowhere.pt", "runs/mine", "models/mine.pt", "/no/where"])
def test_a_mistyped_path_asks_no_network(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: pytest.fail("asked"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with pytest.raises(CheckpointError, match="There is no model"):
        read_any(name)
