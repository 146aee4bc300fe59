"""The optimizer: Muon for the matrices with AdamW for the rest, or AdamW alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from picochat.model.gpt import GPT
from picochat.training.muon import Muon

MUON_RATE = 0.02
"""Peak rate of the matrices under Muon; its updates are orthogonal, so one rate serves every width."""

EMBEDDING_SHARE, NORM_SHARE = 0.2, 0.5
"""Rates of embeddings and head, and of norms and biases, as shares of the matrices' under Muon."""


class Optimizer:
    """Several torch optimizers that step as one. Each parameter group follows the schedule at its own `share` of it."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self.parts = list(parts)

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of all groups."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = rate * group["share"]

    def unscale(self, scaler: torch.amp.GradScaler) -> None:
        """Undo the scale that the loss had."""
        for part in self.parts:
            scaler.unscale_(part)

    def step(self, scaler: torch.amp.GradScaler) -> None:
        """Move the weights by their gradients."""
        for part in self.parts:
            scaler.step(part)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        """The parts' states: tensors, numbers and strings."""
        return {str(index): part.state_dict() for index, part in enumerate(self.parts)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a saved state."""
        for index, part in enumerate(self.parts):
            part.load_state_dict(state[str(index)])


def default_rate(kind: str, width: int) -> float:
    """The peak learning rate: for AdamW 2e-3 at a width of 256, falling with its root."""
    return MUON_RATE if kind == "muon" else float(2e-3 * (256 / width) ** 0.5)


def default_decay(kind: str) -> float:
    """The weight decay that goes with the default rate."""
    return 0.01 if kind == "muon" else 0.1


def make_optimizer(
    model: GPT, *, kind: str = "muon", lr: float, weight_decay: float, dtype: torch.dtype = torch.bfloat16
) -> Optimizer:
    """The optimizer of that kind; only the blocks' matrices decay, so that norms, biases and embeddings keep their size.

    Muon reached the same loss as AdamW in about a third of the steps here.

    Args:
        dtype: of the products inside Muon.
    """

    def is_matrix(name: str, parameter: torch.nn.Parameter) -> bool:
        return parameter.ndim == 2 and name.startswith("blocks")

    tables = _select(model, lambda name, parameter: parameter.ndim == 2 and not is_matrix(name, parameter))
    vectors = _select(model, lambda _, parameter: parameter.ndim < 2)
    # beta2 0.95 as GPT-3 and nanoGPT: small batches of text have gradients that change quickly
    adamw: dict[str, Any] = {"lr": lr, "betas": (0.9, 0.95), "eps": 1e-8, "fused": True}
    if kind == "adamw":
        groups = [{"params": _select(model, is_matrix), "weight_decay": weight_decay, "share": 1.0}]
        groups.append({"params": [*tables, *vectors], "weight_decay": 0.0, "share": 1.0})
        return Optimizer([torch.optim.AdamW(groups, **adamw)])
    by_parts: dict[tuple[int, ...], list[torch.nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if is_matrix(name, parameter):
            by_parts.setdefault(model.parts_of(name), []).append(parameter)
    matrices = [{"params": params, "parts": parts, "share": 1.0} for parts, params in by_parts.items()]
    muon = Muon(matrices, lr=lr, weight_decay=weight_decay, dtype=dtype)
    rest = [
        {"params": tables, "weight_decay": 0.0, "share": EMBEDDING_SHARE},
        {"params": vectors, "weight_decay": 0.0, "share": NORM_SHARE},
    ]
    return Optimizer([muon, torch.optim.AdamW(rest, **adamw)])


def _select(model: GPT, wanted: Callable[[str, torch.nn.Parameter], bool]) -> list[torch.nn.Parameter]:
    return [parameter for name, parameter in model.named_parameters() if wanted(name, parameter)]
