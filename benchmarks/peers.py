"""Networks of transformers to compare with, and the machine."""

from __future__ import annotations

import contextlib
import platform
from pathlib import Path
from typing import Any

import torch
import transformers

from picochat.model.config import ModelConfig


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
