"""Cross-entropy straight from hidden states, some tokens at a time, so that logits never set the memory.

With a vocabulary of 50,000, the logits of 8,192 tokens take 1.6 GB, and their gradient as much again. Here the logits of a
chunk are turned into its part of the loss and of both gradients at once, in the forward pass, and forgotten: the same
products as always, and no more than a chunk of logits. (The idea is Liger-Kernel's fused linear cross-entropy,
arXiv 2410.10989.)
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from picochat.text.batches import IGNORE

CHUNK = {"cpu": 1 << 22, "cuda": 1 << 27, "mps": 1 << 25}
"""Logits at a time: few enough for a processor's cache, enough to keep a GPU busy."""


def chunk_size(device: torch.device, vocab_size: int) -> int:
    """Tokens whose logits are made at a time."""
    return max(16, CHUNK.get(device.type, 1 << 24) // vocab_size)


def cross_entropy_sum(hidden: Tensor, weight: Tensor, targets: Tensor, *, chunk: int, dtype: torch.dtype) -> Tensor:
    """The summed loss of all targets, in nats, as a scalar that gradients flow back from.

    Args:
        hidden: (N, C) states that the head reads.
        weight: (V, C) of the head.
        targets: (N,) ids; `IGNORE` is left out.
        chunk: tokens whose logits are made at a time.
        dtype: of the matrix products; sums are in fp32.
    """
    # logits are the dearest part of a small network, and in chats about half of the tokens are the user's: not learnt
    learnt = (targets != IGNORE).nonzero().flatten()
    if len(learnt) < len(targets):
        hidden, targets = hidden[learnt], targets[learnt]
    return _CrossEntropy.apply(hidden, weight, targets, chunk, dtype)  # type: ignore[no-any-return, no-untyped-call]


@torch.no_grad()
def cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, *, chunk: int, dtype: torch.dtype) -> Tensor:
    """The loss of each target, (N,) in nats, 0 where there is none; arguments as in `cross_entropy_sum`."""
    weight = weight.to(dtype)
    return torch.cat([
        _losses(_logits(hidden[first : first + chunk], weight), targets[first : first + chunk])[0]
        for first in range(0, len(targets), chunk)
    ])  # fmt: skip


class _CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int, dtype: torch.dtype) -> Tensor:
        product = weight.to(dtype)
        total = torch.zeros((), device=hidden.device)
        hidden_gradient = torch.empty_like(hidden, dtype=dtype)
        weight_gradient = torch.zeros_like(weight, dtype=torch.float32)
        for first in range(0, len(targets), chunk):
            here = slice(first, first + chunk)
            logits = _logits(hidden[here], product)
            losses, normaliser = _losses(logits, targets[here])
            total += losses.sum()
            # the gradient of the loss by the logits: softmax, less one at the target
            gradient = logits.sub_(normaliser[:, None]).exp_()
            gradient[torch.arange(len(logits), device=logits.device), targets[here]] -= 1
            gradient = gradient.to(dtype)
            hidden_gradient[here] = gradient @ product
            weight_gradient += gradient.T @ hidden[here].to(dtype)
        ctx.save_for_backward(hidden_gradient, weight_gradient)
        ctx.types = hidden.dtype, weight.dtype
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        hidden_gradient, weight_gradient = ctx.saved_tensors
        hidden_type, weight_type = ctx.types
        scale = gradients[0]
        return (hidden_gradient * scale).to(hidden_type), (weight_gradient * scale).to(weight_type), None, None, None


def _logits(hidden: Tensor, weight: Tensor) -> Tensor:
    """(n, V) in fp32, from a product in the type of `weight`."""
    return (hidden.to(weight.dtype) @ weight.T).float()


def _losses(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The loss of each target, (n,), 0 where there is none, and the logarithm of each row's sum of exponentials."""
    normaliser = logits.logsumexp(dim=-1)
    chosen = logits.gather(1, targets.clamp(min=0)[:, None])[:, 0]
    return torch.where(targets == IGNORE, 0.0, normaliser - chosen), normaliser
