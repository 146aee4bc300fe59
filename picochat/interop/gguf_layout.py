"""Which tensors of a GGUF file make up which weights of the network, for reading and for writing.

picochat keeps queries, keys and values in one matrix, and gate and up in another; GGUF keeps them apart, except GPT-2's.
For the llama architecture llama.cpp rotates neighbouring rows where transformers and picochat rotate halves, so the rows of
queries and keys lie in another order there (`permute` of llama.cpp's converter).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from picochat.errors import ConfigError
from picochat.model.config import ARCHITECTURES, ModelConfig


@dataclass(frozen=True)
class Piece:
    """One tensor of the file.

    Attributes:
        shape: rows first.
        heads: where the rows are in llama.cpp's order, the number of heads that they belong to; else 0.
    """

    name: str
    shape: tuple[int, ...]
    heads: int = 0


def architecture_of(config: ModelConfig) -> str:
    """The GGUF architecture that holds this network.

    Raises:
        ConfigError: none does.
    """
    for name, switches in ARCHITECTURES.items():
        if all(getattr(config, switch) == value for switch, value in switches.items()):
            if name == "gpt2" and (config.kv_heads, config.heads * config.head_dim) != (config.heads, config.dim):
                raise ConfigError(
                    "GGUF's gpt2 has as many key-value heads as heads, and together they are as wide as the model; this one "
                    "differs and can't be written."
                )
            return name
    raise ConfigError(
        f"GGUF holds the architectures {', '.join(ARCHITECTURES)} as they are; a model with {config.position} positions, "
        f"{config.norm}, {config.activation}, {'biases' if config.bias else 'no biases'} and "
        f"{'QK-norm' if config.qk_norm else 'no QK-norm'} is none of them and can't be written."
    )


def layout(config: ModelConfig, architecture: str) -> dict[str, list[Piece]]:
    """For each weight of the network the tensors of the file that lie in it, one above the other."""
    C, V = config.dim, config.vocab_size
    table = {"embedding.weight": [Piece("token_embd.weight", (V, C))]}
    if architecture == "gpt2":
        table["positions.weight"] = [Piece("position_embd.weight", (config.context, C))]
    for layer in range(config.layers):
        for name, pieces in _block(config, architecture):
            table[f"blocks.{layer}.{name}"] = [Piece(f"blk.{layer}.{p.name}", p.shape, p.heads) for p in pieces]
    table["norm.weight"] = [Piece("output_norm.weight", (C,))]
    if config.bias:
        table["norm.bias"] = [Piece("output_norm.bias", (C,))]
    if not config.tied:
        table["head.weight"] = [Piece("output.weight", (V, C))]
    return table


def _block(config: ModelConfig, architecture: str) -> Iterator[tuple[str, list[Piece]]]:
    C, F = config.dim, config.ff_dim
    q, kv = config.heads * config.head_dim, config.kv_heads * config.head_dim
    yield "norm1.weight", [Piece("attn_norm.weight", (C,))]
    yield "norm2.weight", [Piece("ffn_norm.weight", (C,))]
    yield "attention.out.weight", [Piece("attn_output.weight", (C, q))]
    yield "feed_forward.down.weight", [Piece("ffn_down.weight", (C, F))]
    if architecture == "gpt2":
        yield "attention.qkv.weight", [Piece("attn_qkv.weight", (q + 2 * kv, C))]
        yield "feed_forward.up.weight", [Piece("ffn_up.weight", (F, C))]
        yield "norm1.bias", [Piece("attn_norm.bias", (C,))]
        yield "norm2.bias", [Piece("ffn_norm.bias", (C,))]
        yield "attention.qkv.bias", [Piece("attn_qkv.bias", (q + 2 * kv,))]
        yield "attention.out.bias", [Piece("attn_output.bias", (C,))]
        yield "feed_forward.up.bias", [Piece("ffn_up.bias", (F,))]
        yield "feed_forward.down.bias", [Piece("ffn_down.bias", (C,))]
        return
    turned = architecture == "llama"
    yield (
        "attention.qkv.weight",
        [
            Piece("attn_q.weight", (q, C), config.heads if turned else 0),
            Piece("attn_k.weight", (kv, C), config.kv_heads if turned else 0),
            Piece("attn_v.weight", (kv, C)),
        ],
    )
    yield "feed_forward.up.weight", [Piece("ffn_gate.weight", (F, C)), Piece("ffn_up.weight", (F, C))]
    if config.qk_norm:
        yield "attention.q_norm.weight", [Piece("attn_q_norm.weight", (config.head_dim,))]
        yield "attention.k_norm.weight", [Piece("attn_k_norm.weight", (config.head_dim,))]


def to_neighbours(rows: Tensor, heads: int) -> Tensor:
    """Rows of each head from halves (0, 1, ... | D/2, ...) to llama.cpp's neighbours (0, D/2, 1, D/2 + 1, ...)."""
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).transpose(1, 2).reshape(rows.shape)


def to_halves(rows: Tensor, heads: int) -> Tensor:
    """The other way round."""
    return rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:]).transpose(1, 2).reshape(rows.shape)


def join(parts: list[Tensor]) -> Tensor:
    """One weight of its parts, at the widest of their types."""
    dtype = parts[0].dtype
    for part in parts[1:]:
        dtype = torch.promote_types(dtype, part.dtype)
    return torch.cat([part.to(dtype) for part in parts]) if len(parts) > 1 else parts[0]
