"""Foreign models in: shapes, weights and tokenizers, against the gguf package and transformers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch

from picochat.errors import CheckpointError, ConfigError, PicochatWarning
from picochat.interop.gguf_file import BLOCK_TYPES
from picochat.interop.gguf_read import read_gguf
from picochat.interop.gguf_write import write_gguf
from picochat.text.chat_format import ChatFormat, Message
from picochat.text.turns import CHATML
from tests.interop.gguf_models import ARCHITECTURES, rewrite, tiny

Q = gguf.GGMLQuantizationType


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("gguf")
    for architecture in ARCHITECTURES:
        write_gguf(tiny(architecture), folder / f"{architecture}.gguf", "f32")
    return {architecture: folder / f"{architecture}.gguf" for architecture in ARCHITECTURES}


def blocks(kind: str, rows: int, width: int) -> Any:
    """Random blocks of a type, with scales that keep the numbers small."""
    block, random = next(b for b in BLOCK_TYPES.values() if b.name == kind), np.random.default_rng(3)
    raw = random.integers(0, 256, (rows, width // block.values, block.size), dtype=np.uint8)
    scale = {"Q6_K": slice(208, 210)}.get(kind, slice(0, 4) if kind in ("Q4_1", "Q5_1", "Q4_K", "Q5_K") else slice(0, 2))
    count = (scale.stop - scale.start) // 2
    raw[..., scale] = random.uniform(0.001, 0.004, (*raw.shape[:2], count)).astype("<f2").view(np.uint8)
    return raw.reshape(rows, -1)


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"])
def test_blocks_are_the_numbers_that_the_gguf_package_says(files: dict[str, Path], tmp_path: Path, kind: str) -> None:
    big = tmp_path / "big.gguf"
    write_gguf(tiny("qwen3", dim=256, ff_dim=64), big, "f32")
    raw = blocks(kind, 64, 256)
    name = {"blk.1.ffn_up.weight": (raw, Q[kind])}
    checkpoint = read_gguf(rewrite(big, tmp_path / "m.gguf", **name))
    expected = gguf.quants.dequantize(raw, Q[kind])
    assert np.array_equal(checkpoint.weights["blocks.1.feed_forward.up.weight"][64:].numpy(), expected)


@pytest.mark.parametrize(("kind", "dtype"), [("F16", torch.float16), ("BF16", torch.bfloat16)])
def test_sixteen_bits_stay_sixteen_bits(files: dict[str, Path], tmp_path: Path, kind: str, dtype: torch.dtype) -> None:
    weight = read_gguf(files["llama"]).weights["blocks.0.attention.out.weight"]
    stored = gguf.quants.quantize(weight.numpy(), Q[kind])
    changed = read_gguf(rewrite(files["llama"], tmp_path / "m.gguf", **{"blk.0.attn_output.weight": (stored, Q[kind])}))
    assert changed.weights["blocks.0.attention.out.weight"].dtype == dtype
    assert torch.equal(changed.weights["blocks.0.attention.out.weight"], weight.to(dtype))
    assert changed.build()(torch.tensor([[1, 2, 3]])).dtype == torch.float32


def test_llamas_queries_and_keys_are_turned_back(files: dict[str, Path], tmp_path: Path) -> None:
    # our order is that of transformers, as its models show; llama.cpp's converter permutes it so (LlamaModel.permute)
    def permute(weight: Any, heads: int) -> Any:
        return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)

    qkv = np.random.default_rng(2).normal(size=(64 + 32 + 32, 64)).astype(np.float32)
    tensors = {
        "blk.0.attn_q.weight": (permute(qkv[:64], 4), Q.F32),
        "blk.0.attn_k.weight": (permute(qkv[64:96], 2), Q.F32),
        "blk.0.attn_v.weight": (qkv[96:], Q.F32),
    }
    read = read_gguf(rewrite(files["llama"], tmp_path / "m.gguf", **tensors))
    assert np.array_equal(read.weights["blocks.0.attention.qkv.weight"].numpy(), qkv)


def test_without_the_gguf_package_it_says_what_to_install(files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gguf.quants", None)
    with pytest.raises(ConfigError, match=r"pip install 'picochat\[gguf\]'"):
        read_gguf(files["llama"])


@pytest.mark.parametrize(
    ("changes", "drop", "words"),
    [
        ({"general__architecture": "mamba"}, (), "architecture is 'mamba', and picochat knows gpt2, llama, qwen3"),
        ({}, ("blk.1.ffn_up.weight",), "tensor 'blk.1.ffn_up.weight' is missing"),
        ({}, ("token_embd.weight",), "'token_embd.weight' is missing"),
        ({}, ("llama.block_count",), "does not say llama.block_count"),
        ({"llama__block_count": 1}, (), "'blk.1.attn_k.weight' belongs to no part"),
        ({"llama__feed_forward_length": 8}, (), "should be"),
        ({"llama__context_length": 1 << 31}, (), "context must be"),
        ({"llama__attention__head_count": 3}, (), "kv_heads"),
        ({"llama__attention__head_count": 0}, (), "heads must be"),
        ({"llama__attention__value_length": 8}, (), "not as wide as its keys"),
        ({"llama__rope__dimension_count": 8}, (), "only a part of each head"),
        ({"llama__rope__scaling__type": "yarn"}, (), "scaled"),
        ({"rope_freqs.weight": (np.ones(8, np.float32), Q.F32)}, (), "scaled"),
        ({"llama__expert_count": 8}, (), "mixture of experts"),
        ({"llama__rope__freq_base": -1.0}, (), "rope.freq_base can't be"),
        ({"token_embd.weight": (np.zeros((300, 64), np.float32), Q.F32)}, (), "its network only 300"),
        ({"output_norm.weight": (np.full(64, np.nan, np.float32), Q.F32)}, (), "numbers that are none"),
        ({"tokenizer__ggml__pre": "viking"}, (), "the way called 'viking', and picochat knows gpt-2"),
        ({"tokenizer__ggml__model": "bert"}, (), "its tokenizer is 'bert'"),
        ({"tokenizer__ggml__merges": ["a nope"]}, (), "makes no token"),
        ({"tokenizer__ggml__token_type": [1, 1]}, (), "does not tell of every token"),
        ({"tokenizer__ggml__eos_token_id": 99_999}, (), "eos_token_id can't be"),
        ({}, ("tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id"), "neither a beginning nor an end"),
        ({}, ("tokenizer.ggml.tokens",), "no tokenizer.ggml.tokens"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_does_not_fit_is_told_in_a_sentence(
    files: dict[str, Path], tmp_path: Path, changes: dict[str, Any], drop: tuple[str, ...], words: str
) -> None:
    path = rewrite(files["llama"], tmp_path / "m.gguf", drop=drop, **changes)
    with pytest.raises(CheckpointError) as caught:
        read_gguf(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_key_length_of_its_own_is_read(tmp_path: Path) -> None:
    wide = tiny("qwen3", head_dim=32)
    write_gguf(wide, tmp_path / "m.gguf", "f32")
    assert read_gguf(tmp_path / "m.gguf").config.head_dim == 32


def test_what_llama_cpp_takes_for_granted_may_be_left_out(files: dict[str, Path], tmp_path: Path) -> None:
    optional = (
        "llama.rope.freq_base", "llama.attention.key_length", "llama.attention.value_length", "llama.rope.dimension_count",
        "llama.vocab_size",
    )  # fmt: skip
    bare = read_gguf(rewrite(files["llama"], tmp_path / "m.gguf", drop=optional))
    assert bare.config == read_gguf(files["llama"]).config


def test_numbers_come_back_as_they_were_written(tmp_path: Path) -> None:
    write_gguf(tiny("llama", norm_eps=1e-5, rope_theta=500_000.0), tmp_path / "m.gguf", "f32")
    config = read_gguf(tmp_path / "m.gguf").config
    assert (config.norm_eps, config.rope_theta) == (1e-5, 500_000.0)


def test_the_chat_template_becomes_turns(files: dict[str, Path], tmp_path: Path) -> None:
    assert read_gguf(files["qwen3"]).tokenizer.turns == CHATML
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}|{{ m.content }}<|im_end|>{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant|{% endif %}"
    )
    other = read_gguf(rewrite(files["qwen3"], tmp_path / "m.gguf", **{"tokenizer__chat_template": template}))
    ids = ChatFormat(other.tokenizer).prompt([Message("user", "Hi")])
    assert "".join(map(other.tokenizer.piece, ids)) == "<|im_start|>user|Hi<|im_end|><|im_start|>assistant|"
    assert other.training["kind"] == "chat"


def test_a_model_without_a_template_writes_texts(files: dict[str, Path], tmp_path: Path) -> None:
    plain = read_gguf(rewrite(files["qwen3"], tmp_path / "m.gguf", drop=("tokenizer.chat_template",)))
    assert plain.training["kind"] != "chat"
    assert plain.tokenizer.turns.start_of_text == "<|endoftext|>"


def test_a_template_that_is_a_program_warns(files: dict[str, Path], tmp_path: Path) -> None:
    path = rewrite(files["qwen3"], tmp_path / "m.gguf", **{"tokenizer__chat_template": "{{ messages | length }}"})
    with pytest.warns(PicochatWarning, match="chat template"):
        read_gguf(path)


def test_texts_begin_without_the_beginning_mark_where_the_file_says_so(files: dict[str, Path], tmp_path: Path) -> None:
    changes = {"tokenizer__ggml__add_bos_token": False, "tokenizer__ggml__bos_token_id": 1}
    tokenizer = read_gguf(rewrite(files["qwen3"], tmp_path / "m.gguf", **changes)).tokenizer
    assert tokenizer.turns.start_of_text == "<|endoftext|>"
