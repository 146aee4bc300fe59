"""What computes here: processor, memory, GPUs, and whether code can be compiled for them."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import torch

from picochat.errors import TrainingError


def processor() -> str:
    """The processor's name, as its maker writes it where the system tells."""
    try:
        if sys.platform == "linux":
            found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text("utf-8"), re.MULTILINE)
            if found:
                return found[1].strip()
        elif sys.platform == "darwin":
            command = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=5).stdout.strip()
    except (OSError, UnicodeDecodeError, subprocess.SubprocessError):
        pass
    return platform.processor() or platform.machine()


def instructions() -> str:
    """The widest vector instructions that torch uses on this processor, such as AVX512."""
    return str(torch.backends.cpu.get_cpu_capability())


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """Threads that torch computes with."""
    return torch.get_num_threads()


def memory_bytes() -> int | None:
    """The machine's memory; `None` where the system doesn't tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def device_memory(device: torch.device) -> int | None:
    """Bytes of memory that the device has; `None` where that can't be told."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return memory_bytes()


def gpus() -> list[str]:
    """The GPUs that torch can use, with their memory."""
    found = []
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        properties = torch.cuda.get_device_properties(index)
        found.append(f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB")
    return [*found, "Apple GPU (MPS)"] if torch.backends.mps.is_available() else found


def find_compiler() -> str | None:
    """The C++ compiler that torch.compile takes for a CPU; `None` where there is none."""
    usual = {"win32": "cl", "darwin": "clang++"}.get(sys.platform, "g++")
    return shutil.which(os.environ.get("CXX") or usual)


def try_compile(device: torch.device) -> None:
    """Compile a small function with torch.compile and compare what it computes.

    Raises:
        TrainingError: it computes something else.
        Exception: whatever torch raises where it can't compile.
    """

    def small(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.silu(x) * x.sum(dim=-1, keepdim=True)

    x = torch.linspace(-2, 2, 256, device=device).view(16, 16)
    if not torch.allclose(torch.compile(small)(x), small(x), atol=1e-4):
        raise TrainingError("Compiled code computes something else than it should; train with --compile off.")
