"""Models out: what was written is the model, or nothing was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from picochat.checkpoint import Checkpoint
from picochat.errors import CheckpointError, ConfigError, OutputError
from picochat.interop import gguf_check, gguf_write
from picochat.interop.gguf_read import read_gguf
from picochat.interop.gguf_write import write_gguf
from picochat.text.tokenizer import Tokenizer
from tests.conftest import chat_text
from tests.interop.gguf_models import ARCHITECTURES, tiny


@pytest.fixture(autouse=True)
def no_llama(monkeypatch: pytest.MonkeyPatch) -> None:
    """What llama.cpp thinks of the files is asked elsewhere."""
    monkeypatch.setattr(gguf_check, "open_llama", lambda path, context: None)


def logits(checkpoint: Checkpoint) -> torch.Tensor:
    ids = torch.arange(1, 41)[None] * 7 % checkpoint.config.vocab_size
    with torch.inference_mode():
        return checkpoint.build()(ids)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("tied", [True, False])
def test_a_model_comes_back_as_it_was(tmp_path: Path, architecture: str, tied: bool) -> None:
    model = tiny(architecture, tied=tied, dropout=0.1)
    check = write_gguf(model, tmp_path / "m.gguf", "f32")
    back = read_gguf(tmp_path / "m.gguf")
    assert back.config == tiny(architecture, tied=tied).config
    assert back.tokenizer.to_json() == model.tokenizer.to_json()
    assert torch.equal(logits(back), logits(model))
    assert str(check).startswith("read again")


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_eight_bits_are_near_and_norms_exact(tmp_path: Path, architecture: str) -> None:
    model = tiny(architecture)
    write_gguf(model, tmp_path / "m.gguf", "q8_0")
    back = read_gguf(tmp_path / "m.gguf")
    for name, weight in model.weights.items():
        exact = weight.dim() == 1 or name == "positions.weight"
        assert torch.equal(back.weights[name], weight) == exact
    assert 0 < (logits(back) - logits(model)).std() < 0.1 * logits(model).std()


def test_rows_that_do_not_divide_into_blocks_are_stored_at_sixteen_bits(tmp_path: Path) -> None:
    model = tiny("llama", dim=48, heads=2, kv_heads=2)
    write_gguf(model, tmp_path / "m.gguf", "q8_0")
    types = {tensor.name: tensor.tensor_type.name for tensor in gguf.GGUFReader(tmp_path / "m.gguf").tensors}
    assert types["blk.0.attn_q.weight"] == "F16"
    assert types["blk.0.ffn_down.weight"] == "Q8_0" if model.config.ff_dim % 32 == 0 else "F16"
    assert types["output_norm.weight"] == "F32"


def test_what_other_programs_read_is_there(tmp_path: Path) -> None:
    model = tiny("qwen3")
    write_gguf(model, tmp_path / "m.gguf", "f16", name="my model")
    fields = {key: field.contents() for key, field in gguf.GGUFReader(tmp_path / "m.gguf").fields.items()}
    expected = {
        "general.architecture": "qwen3",
        "general.name": "my model",
        "qwen3.context_length": 64,
        "qwen3.attention.head_count_kv": 2,
        "qwen3.attention.key_length": 16,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.bos_token_id": model.tokenizer.id_of("<|endoftext|>"),
        "tokenizer.ggml.eos_token_id": model.tokenizer.id_of("<|im_end|>"),
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.ggml.add_space_prefix": False,
    }
    assert {key: fields[key] for key in expected} == expected
    assert fields["tokenizer.ggml.tokens"][: model.tokenizer.vocab_size] == [
        model.tokenizer._backend.id_to_token(index) for index in range(model.tokenizer.vocab_size)
    ]


def test_a_model_that_does_not_chat_ends_with_the_text(tmp_path: Path) -> None:
    model = tiny("qwen3", kind="text")
    write_gguf(model, tmp_path / "m.gguf")
    fields = {key: field.contents() for key, field in gguf.GGUFReader(tmp_path / "m.gguf").fields.items()}
    assert fields["tokenizer.ggml.eos_token_id"] == model.tokenizer.id_of("<|endoftext|>")
    assert "tokenizer.chat_template" not in fields
    assert read_gguf(tmp_path / "m.gguf").training["kind"] != "chat"


def test_a_vocabulary_smaller_than_the_network_is_filled_up(tmp_path: Path) -> None:
    model = tiny("llama", vocab_size=448)
    write_gguf(model, tmp_path / "m.gguf", "f32")
    assert read_gguf(tmp_path / "m.gguf").config.vocab_size == 448


@pytest.mark.parametrize(
    ("architecture", "shape", "words"),
    [
        ("gpt2", {"position": "alibi"}, "alibi positions"),
        ("gpt2", {"position": "sinusoidal"}, "sinusoidal positions"),
        ("llama", {"bias": True}, "biases"),
        ("gpt2", {"kv_heads": 2}, "key-value heads"),
        ("gpt2", {"head_dim": 32}, "as wide as the model"),
    ],
)
def test_models_that_gguf_has_no_place_for_are_refused(
    tmp_path: Path, architecture: str, shape: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        write_gguf(tiny(architecture, **shape), tmp_path / "m.gguf")
    assert not list(tmp_path.iterdir())


def test_llamas_switches_may_go_by_another_name(tmp_path: Path) -> None:
    write_gguf(tiny("qwen3", qk_norm=False), tmp_path / "m.gguf", "f32")
    assert read_gguf(tmp_path / "m.gguf").config.architecture == "llama"


def test_a_kind_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'q3_k'; choose one of f32, f16, q8_0"):
        write_gguf(tiny("llama"), tmp_path / "m.gguf", "q3_k")


def test_a_tokenizer_that_llama_cpp_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--tokenizer bpe"):
        write_gguf(tiny("llama", tokenizer=Tokenizer.train([chat_text()], "char")), tmp_path / "m.gguf")
    assert not list(tmp_path.iterdir())


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    model = tiny("llama")
    del model.weights["norm.weight"]
    with pytest.raises(CheckpointError, match=r"norm\.weight"):
        write_gguf(model, tmp_path / "m.gguf")


@pytest.mark.parametrize("kind", ["f32", "f16", "q8_0"])
def test_a_file_that_is_not_the_model_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    (tmp_path / "m.gguf").write_bytes(b"what was there before")
    store = gguf_write.to_blocks

    def spoil(tensor: torch.Tensor, type_name: str) -> np.ndarray[Any, Any]:
        changed = tensor.clone()
        changed[0] = 2 * changed[0] + 0.1
        return store(changed, type_name)

    monkeypatch.setattr(gguf_write, "to_blocks", spoil)
    with pytest.raises(OutputError, match="is not the model"):
        write_gguf(tiny("llama"), tmp_path / "m.gguf", kind)
    assert [path.name for path in tmp_path.iterdir()] == ["m.gguf"]
    assert (tmp_path / "m.gguf").read_bytes() == b"what was there before"


def test_a_turned_query_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf_write, "to_neighbours", lambda rows, heads: rows)
    with pytest.raises(OutputError, match=r"attention\.qkv"):
        write_gguf(tiny("llama"), tmp_path / "m.gguf", "f16")


def test_another_cut_of_a_text_would_be_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny("llama")
    vocabulary = gguf_write.gguf_vocabulary
    monkeypatch.setattr(
        gguf_write,
        "gguf_vocabulary",
        lambda *arguments: type(v := vocabulary(*arguments))(**{**vars(v), "merges": v.merges[:9]}),
    )
    with pytest.raises(OutputError, match="cuts"):
        write_gguf(model, tmp_path / "m.gguf", "f16")


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="can't be written"):
        write_gguf(tiny("llama"), tmp_path / "file" / "m.gguf")
