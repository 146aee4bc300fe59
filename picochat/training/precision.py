"""Which number format the matrix products of training use here."""

from __future__ import annotations

import contextlib
import time

import torch


def choose_precision(device: torch.device, wanted: str = "auto") -> tuple[str, str]:
    """Return the precision, "fp32" or "bf16", and the reason in a few words.

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
    gain = _seconds(torch.float32) / _seconds(torch.bfloat16)
    verdict = "bf16" if gain > 1.3 else "fp32"
    return verdict, f"bf16 products run at {gain:.1f}x the speed of fp32 here"


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    """The context in which a forward pass runs at `precision`."""
    if precision == "bf16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def _seconds(dtype: torch.dtype, size: int = 512, repeats: int = 5) -> float:
    """Best time of one square matrix product."""
    a, b = torch.ones(size, size, dtype=dtype), torch.ones(size, size, dtype=dtype)
    best = float("inf")
    for _ in range(repeats + 1):
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return best
