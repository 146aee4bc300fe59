"""Memory: how much a process has taken, and how fast it is read."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

READ = 256 * 1024**2
"""Bytes that are read: many times what caches hold."""

PASSES = 5
"""Times that they are read; the fastest counts."""

PARTS = 8
"""Parts that each thread takes, one after the other, so that one thread that has to wait holds up little."""


def peak_memory(device: str = "cpu") -> int | None:
    """Bytes that this process has taken at most, on a GPU those of the device; `None` where the system doesn't tell."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_reserved(device))
    if sys.platform == "linux":
        # what getrusage tells of a new process may be the peak of the one that started it
        with contextlib.suppress(OSError):
            found = re.search(r"^VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text("utf-8"), re.MULTILINE)
            if found:
                return int(found[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def read_rate(threads: int) -> float:
    """Bytes a second that so many threads read from memory: the most at which weights can be read.

    A dot product is the least that can be done with each number, and NumPy does it without holding other threads up. The
    library below must not take threads of its own, so that has to be told it before it is loaded, by OPENBLAS_NUM_THREADS
    or its like.
    """
    numbers = np.ones(READ // 4, dtype=np.float32)
    parts = np.array_split(numbers, threads * PARTS)
    best = 0.0
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(PASSES):
            began = time.perf_counter()
            list(pool.map(lambda part: np.dot(part, part), parts))
            best = max(best, numbers.nbytes / (time.perf_counter() - began))
    return best
