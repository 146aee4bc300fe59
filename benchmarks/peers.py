"""The same network in transformers, with the same weights."""

from __future__ import annotations

import contextlib
import platform
from pathlib import Path
from typing import Any

import torch
import transformers

from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT


def gpt2_twin(model: GPT) -> Any:
    """A `GPT2LMHeadModel` that computes what `model`, of the gpt2 architecture, computes."""
    config = model.config
    twin = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=config.vocab_size, n_positions=config.context, n_embd=config.dim, n_layer=config.layers,
            n_head=config.heads, n_inner=config.ff_dim, tie_word_embeddings=config.tied,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )
    )  # fmt: skip
    state = {
        "transformer.wte.weight": model.embedding.weight,
        "transformer.wpe.weight": model.positions.weight,
        "transformer.ln_f.weight": model.norm.weight,
        "transformer.ln_f.bias": model.norm.bias,
        "lm_head.weight": model.head.weight,
    }
    for index, block in enumerate(model.blocks):
        for name, module, transpose in (
            ("ln_1", block.norm1, False),
            ("ln_2", block.norm2, False),
            ("attn.c_attn", block.attention.qkv, True),
            ("attn.c_proj", block.attention.out, True),
            ("mlp.c_fc", block.feed_forward.up, True),
            ("mlp.c_proj", block.feed_forward.down, True),
        ):
            weight = module.weight.T if transpose else module.weight
            state[f"transformer.h.{index}.{name}.weight"] = weight
            state[f"transformer.h.{index}.{name}.bias"] = module.bias
    twin.load_state_dict({name: tensor.detach() for name, tensor in state.items()}, strict=False)
    return twin


def qwen3_like(shape: ModelConfig) -> Any:
    """A `Qwen3ForCausalLM` of that shape, with weights of its own."""
    return transformers.Qwen3ForCausalLM(
        transformers.Qwen3Config(
            vocab_size=shape.vocab_size, hidden_size=shape.dim, intermediate_size=shape.ff_dim,
            num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.kv_heads,
            head_dim=shape.head_dim, max_position_embeddings=shape.context, tie_word_embeddings=shape.tied, use_cache=False,
        )
    )  # fmt: skip


def machine() -> str:
    """The processor and the threads in use."""
    name = platform.processor() or "unknown processor"
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return f"{name}, {torch.get_num_threads()} threads, torch {torch.__version__}"
