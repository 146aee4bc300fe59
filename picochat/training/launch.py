"""Which start of torchrun a run folder belongs to: after a crash torchrun gives the same command again, and the run that it
then finds in the folder must be its own.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from picochat.files import write_text

LAUNCH = "torchrun.txt"


def may_restart() -> bool:
    """Whether torchrun starts all processes anew when one dies."""
    return int(os.environ.get("TORCHELASTIC_MAX_RESTARTS", "0")) > 0


def restarts() -> int:
    """How often it has done so."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))


def claim(folder: Path) -> None:
    """Note in a run folder which start of torchrun writes there; without torchrun nothing is noted."""
    if name := _name():
        write_text(folder / LAUNCH, name)
    else:
        (folder / LAUNCH).unlink(missing_ok=True)


def is_of_this_launch(folder: Path) -> bool:
    """Whether the processes of this start of torchrun, as they were before a restart, have written that run folder."""
    try:
        return (folder / LAUNCH).read_text(encoding="utf-8") == _name()
    except (OSError, UnicodeDecodeError):
        return False


def _name() -> str | None:
    """The same before and after a restart; `None` without torchrun."""
    run = os.environ.get("TORCHELASTIC_RUN_ID")
    if run is None or run != "none":
        return run
    # the default, which is no name; the process that restarts this one stays the same
    return f"{socket.gethostname()} {os.getppid()}"
