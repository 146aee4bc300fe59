"""The optimizer."""

from __future__ import annotations

import torch

from picochat.model.gpt import GPT


def default_rate(width: int) -> float:
    """Peak learning rate of AdamW for a network of that width: 2e-3 at 256, falling with the root of the width."""
    return float(2e-3 * (256 / width) ** 0.5)


def make_optimizer(model: GPT, *, lr: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW, its decay on the weight matrices only: norms, biases and embeddings keep their size."""
    matrices: list[torch.nn.Parameter] = []
    others: list[torch.nn.Parameter] = []
    for name, parameter in model.named_parameters():
        decays = parameter.ndim >= 2 and not name.startswith(("embedding", "positions"))
        (matrices if decays else others).append(parameter)
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
    # beta2 0.95 as GPT-3 and nanoGPT: small batches of text have gradients that change quickly
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95), eps=1e-8, fused=True)
