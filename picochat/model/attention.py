"""Causal attention over queries, keys and values, in the two ways that training chooses from.

Shapes: B sequences, H heads, K key-value heads, T queries, S keys, D head width.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 128
"""Queries at a time, in `attend_in_blocks`."""


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, *, dropout: float = 0.0) -> Tensor:
    """The attention of torch itself.

    Args:
        q: (B, H, T, D).
        k, v: (B, K, S, D).
        mask: what to add to, or keep of, the scores; `None` for a first pass, which is square and causal, and for a single
            new token, which sees everything.

    Returns:
        (B, H, T, D).
    """
    return F.scaled_dot_product_attention(
        q,
        k,
        v,
        attn_mask=mask,
        is_causal=mask is None and q.shape[2] > 1,
        dropout_p=dropout,
        enable_gqa=k.shape[1] != q.shape[1],
    )


def attend_in_blocks(q: Tensor, k: Tensor, v: Tensor, *, dropout: float = 0.0, block: int = BLOCK) -> Tensor:
    """The same for a first pass, written out: `block` queries at a time, each with the keys up to its end.

    Half of the square is never computed, and each part is a plain matrix product. On a CPU, where torch's own attention
    has a slow backward pass, this trains faster.

    Args:
        q: (B, H, T, D).
        k, v: (B, K, T, D).

    Returns:
        (B, H, T, D).
    """
    B, H, T, D = q.shape
    K = k.shape[1]
    # queries that share keys lie beside each other: (B, K, H/K, T, D)
    q = q.reshape(B, K, H // K, T, D) * (1 / math.sqrt(D))
    k, v = k[:, :, None], v[:, :, None]
    outputs = []
    for first in range(0, T, block):
        last = min(first + block, T)
        scores = q[..., first:last, :] @ k[..., :last, :].transpose(-1, -2)  # (B, K, H/K, block, last)
        future = torch.ones(last - first, last, dtype=torch.bool, device=q.device).triu(first + 1)
        weights = scores.masked_fill(future, -math.inf).softmax(dim=-1)
        if dropout:
            weights = F.dropout(weights, dropout)
        outputs.append(weights.to(v.dtype) @ v[..., :last, :])
    return torch.cat(outputs, dim=-2).reshape(B, H, T, D)
