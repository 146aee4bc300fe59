"""Processes of their own for all that is measured: each has its threads as they should be, and memory that only it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import picochat


class FailedError(Exception):
    """A task that could not be done; the message says why."""


def ask(do: str, *, threads: int, library_threads: int | None = None, **arguments: Any) -> dict[str, Any]:
    """Do one of `worker.TASKS` in a new process.

    Args:
        do: its name.
        threads: of the process, also one of the task's arguments.
        library_threads: of the libraries below, where they are to be others.

    Raises:
        FailedError: it could not be done, or the process died of it.
        KeyboardInterrupt: the process is ended then.
    """
    count = str(library_threads or threads)
    environment = {
        **os.environ,
        **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), count),
        "HF_HUB_OFFLINE": "1",  # all is on the disk
        # the package that this process has, wherever it found it
        "PYTHONPATH": os.pathsep.join([str(Path(picochat.__file__).parent.parent), *filter(None, _python_path())]),
    }
    arguments = {name: str(value) if isinstance(value, Path) else value for name, value in arguments.items()}
    done = subprocess.run(
        [sys.executable, "-m", "picochat.benchmark.worker"],
        input=json.dumps({"do": do, "threads": threads, **arguments}).encode(),
        capture_output=True,
        env=environment,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        said = (done.stderr.decode("utf-8", "replace").strip() or "it said nothing").splitlines()[-1]
        raise FailedError(f"its process ended with code {done.returncode}: {said}") from None
    if "error" in answer:
        raise FailedError(answer["error"])
    return answer


def _python_path() -> list[str]:
    return os.environ.get("PYTHONPATH", "").split(os.pathsep)
