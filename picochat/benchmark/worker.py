"""The process that measures one thing: `python -m picochat.benchmark.worker`.

It reads one JSON object from stdin, a task's name as `do` and its arguments, and writes one to stdout: what it found, or
`error`, why it found nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from picochat.benchmark.programs import PROGRAMS, Setup
from picochat.errors import PicochatError

REFERENCE = "reference"
"""The precision of a loss that is PyTorch's in fp32."""


def main() -> None:
    """Do the task."""
    # Ctrl-C reaches a whole group of processes; the one that waits for this one ends it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print
    task = json.loads(sys.stdin.buffer.read())
    try:
        answer = TASKS[task.pop("do")](**task)
    except PicochatError as error:
        answer = {"error": str(error).rstrip(".")}
    except Exception as error:  # other programs raise whatever they like
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {(str(error).strip().splitlines() or ['no reason given'])[0]}"}
    with answers:
        json.dump(answer, answers)


def prepare(program: str, **setup: Any) -> dict[str, Any]:
    """Make what a program reads."""
    PROGRAMS[program].load().prepare(_setup(setup))
    return {}


def write(program: str, prompt: list[int], tokens: int, temperature: float, **setup: Any) -> dict[str, Any]:
    """Let a program write twice, the first time to warm up.

    Returns:
        Of the second time: `ids`, the seconds until the `first`, and from there to the last (`rest`); `runtime`, and
        `peak_memory_bytes`.
    """
    where = _setup(setup)
    writer = PROGRAMS[program].load().open_writer(where)
    ids: list[int] = []
    times: list[float] = []

    def tell(token: int) -> None:
        ids.append(token)
        times.append(time.perf_counter())

    began = 0.0
    for _ in range(2):
        ids.clear()
        times.clear()
        began = time.perf_counter()
        writer.write(prompt, tokens, temperature, tell)
    if len(ids) != tokens:
        raise RuntimeError(f"{tokens} tokens were asked for and {len(ids)} came")
    from picochat.benchmark.memory import peak_memory

    return {
        "ids": ids,
        "first": times[0] - began,
        "rest": times[-1] - times[0],
        "runtime": writer.runtime,
        "peak_memory_bytes": peak_memory(where.device),
    }


def loss(model: str, precision: str, threads: int, device: str, data: str | None) -> dict[str, Any]:
    """Bits per byte of a text."""
    from picochat.benchmark.sample import documents
    from picochat.evaluation.bits import score_documents
    from picochat.evaluation.scorer import scorer_of
    from picochat.inference.engine import Engine, load_engine

    if precision == REFERENCE:
        from picochat.inference.torch_backend import open_torch

        engine = Engine(*open_torch(model, device="cpu", threads=threads, precision="fp32"))
    else:
        engine = load_engine(model, device=device, threads=threads, precision=precision)
    texts, _ = documents(Path(data) if data else None)
    return {"bits_per_byte": score_documents(engine, scorer_of(engine.backend), texts).all.bits_per_byte}


def memory(threads: int) -> dict[str, Any]:
    """The rate at which memory is read."""
    from picochat.benchmark.memory import read_rate

    return {"bytes_per_second": read_rate(threads)}


def _setup(values: dict[str, Any]) -> Setup:
    return Setup(**{**values, "model": Path(values["model"]), "folder": Path(values["folder"])})


TASKS: dict[str, Callable[..., dict[str, Any]]] = {"prepare": prepare, "write": write, "loss": loss, "memory": memory}

if __name__ == "__main__":
    main()
