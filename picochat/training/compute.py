"""How training computes here: the number format of the matrix products, and the way of attention; both are measured."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import sys
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from picochat.model.attention import attend, attend_in_blocks
from picochat.model.config import ModelConfig
from picochat.training.hardware import find_compiler

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_precision(device: torch.device, wanted: str = "auto") -> tuple[str, str]:
    """Return the precision, "fp32", "bf16" or "fp16", and the reason in a few words.

    A CPU is measured for a moment: bf16 is several times faster where the processor has instructions for it, and slower
    where it hasn't.
    """
    if wanted != "auto":
        return wanted, "as asked"
    if device.type == "cuda":
        supported = torch.cuda.is_bf16_supported()
        return ("bf16", "supported by the GPU") if supported else ("fp32", "the GPU has no bf16")
    if device.type == "mps":
        return "fp32", "the safe choice on MPS"
    exact, short = _best_seconds([_product(torch.float32), _product(torch.bfloat16)])
    gain = exact / short
    verdict = "bf16" if gain > 1.3 else "fp32"
    return verdict, f"bf16 products run at {gain:.1f}x the speed of fp32 here"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """The context in which a forward pass runs at `precision`."""
    if precision == "fp32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=DTYPES[precision])


def why_no_compiler(device: torch.device) -> str:
    """Why torch.compile can't work here, in words; empty where it should."""
    if sys.platform == "win32" or device.type == "mps":
        return f"torch.compile is not reliable on {'Windows' if sys.platform == 'win32' else 'MPS'} yet"
    if device.type == "cuda":
        return "" if importlib.util.find_spec("triton") else "the package triton is not installed"
    return "" if find_compiler() else "there is no C++ compiler"


def choose_attention(device: torch.device, precision: str, shape: ModelConfig, wanted: str = "auto") -> tuple[str, str]:
    """Return the way of attention, "torch" or "blocks", and the reason in a few words.

    A CPU is measured for a moment, on windows as long as the model's; a GPU has its own kernels.
    """
    if wanted != "auto":
        return wanted, "as asked"
    if device.type != "cpu":
        return "torch", f"made for {device.type}"
    if shape.position == "alibi":
        return "torch", "ALiBi brings its own mask"
    whole, blocks = _best_seconds([_pass(way, precision, shape) for way in (attend_whole, attend_in_blocks)])
    return "blocks" if blocks < whole else "torch", f"blocks run at {whole / blocks:.1f}x the speed of torch's own here"


def attend_whole(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """The attention of torch itself, on a first pass."""
    return attend(q, k, v, None)


def _pass(way: Callable[[Tensor, Tensor, Tensor], Tensor], precision: str, shape: ModelConfig) -> Callable[[], object]:
    """One forward and backward pass of attention over about 2,048 tokens."""
    size = (max(1, 2048 // shape.context), shape.context, shape.heads, shape.head_dim)
    q, k, v = (torch.ones(size, dtype=DTYPES[precision], requires_grad=True) for _ in range(3))

    def act() -> None:
        # as the network lays them out: heads come first by a view only
        together = way(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)).transpose(1, 2).reshape(*size[:2], -1)
        together.sum().backward()  # type: ignore[no-untyped-call]

    return act


def _product(dtype: torch.dtype, size: int = 512) -> Callable[[], object]:
    """One square matrix product."""
    a, b = torch.ones(size, size, dtype=dtype), torch.ones(size, size, dtype=dtype)
    return lambda: a @ b


def _best_seconds(acts: Sequence[Callable[[], object]], least: float = 0.15, most: float = 1.0) -> list[float]:
    """The best time of each, taken in turns: another program that slows one of them down for a moment slows all.

    Args:
        least: seconds to measure for; or four rounds of all, where those take longer, but no more than `most`.
    """
    best = [math.inf] * len(acts)
    start = time.perf_counter()
    rounds = 0
    while rounds < 2 or (passed := time.perf_counter() - start) < least or (rounds < 5 and passed < most):
        for index, act in enumerate(acts):
            begun = time.perf_counter()
            act()
            best[index] = min(best[index], time.perf_counter() - begun)
        rounds += 1
    return best
