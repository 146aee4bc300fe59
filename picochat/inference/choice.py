"""The quickest way to run a model on this machine: measured once, then remembered."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from picochat.errors import OutputError
from picochat.files import write_text
from picochat.inference.backend import Backend

ROUNDS, STEPS, SECONDS = 3, 24, 0.25
"""The ways take turns, so that a busy moment hits all of them; of each, the best round counts. A round ends after so many
steps, or so many seconds."""

VERSION = 2
"""Raised whenever other ways are measured, or others may be chosen: what was remembered before then counts no more."""

Way = TypeVar("Way")


@dataclass(frozen=True)
class Choice:
    """How a model is run.

    Attributes:
        runtime: "onnx" or "torch".
        rates: tokens a second of every way that was measured, by its name.
    """

    runtime: str
    device: str
    precision: str
    rates: dict[str, float] = field(default_factory=dict)


def measure_rates(ways: Mapping[Way, Backend]) -> dict[Way, float]:
    """Tokens a second of each back end, at batch 1 and a short context; their caches are empty afterwards."""
    best = dict.fromkeys(ways, 0.0)
    if len(ways) == 1:
        return best
    for _ in range(ROUNDS):
        for way, backend in ways.items():
            backend.truncate(0)
            backend.prefill((0,))
            began = now = time.perf_counter()
            steps = 0
            while steps < min(STEPS, backend.info.context - 1) and now - began < SECONDS:
                backend.step(0)
                steps, now = steps + 1, time.perf_counter()
            best[way] = max(best[way], steps / (now - began) if steps else 0.0)
    for backend in ways.values():
        backend.truncate(0)
    return best


def recall(folder: Path, digest: str, device: str) -> Choice | None:
    """What was chosen for the model with that digest, where `device` was asked for; `None` where nothing readable was."""
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        known = json.loads(_file(folder, digest, device).read_text(encoding="utf-8"))
        if known.pop("machine") == machine():
            return Choice(**known)
    return None


def remember(folder: Path, digest: str, device: str, choice: Choice) -> None:
    """Keep a choice; where that can't be done, it is measured again next time."""
    with contextlib.suppress(OutputError):
        write_text(_file(folder, digest, device), json.dumps({"machine": machine(), **asdict(choice)}))


def machine() -> list[str]:
    """What the speeds depend on, as far as it is quickly told: a library that was installed anew has another date."""
    installed = []
    for package in ("onnxruntime", "torch"):
        spec = find_spec(package)
        installed.append(str(Path(spec.origin).stat().st_mtime_ns) if spec and spec.origin else "none")
    gpus = [str(gpu_likely()), os.environ.get("CUDA_VISIBLE_DEVICES", "all")]
    return [platform.node(), platform.machine(), str(os.cpu_count()), *gpus, *installed]


def gpu_likely() -> bool:
    """Whether torch might find a GPU; told from the system's files, as importing torch takes a second."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return (Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "nvcuda.dll").exists()
    return any(Path(name).exists() for name in ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))


def _file(folder: Path, digest: str, device: str) -> Path:
    return folder / "choices" / f"{digest[:40]}-{device}-{VERSION}.json"
