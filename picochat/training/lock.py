"""One process at a time for a run folder."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from picochat.errors import OutputError

LOCK = ".lock"

_held: dict[Path, int] = {}
"""The descriptors of the lock files of this process, by folder."""


def lock(folder: Path) -> None:
    """Take a run folder for this process, until `unlock` or its end, however that comes; taken again, nothing happens.

    The lock is the process's own: what it has started can't hold it any longer than it lives itself. Where the file system
    knows no locks, there is none.

    Raises:
        OutputError: another process has it, or the folder can't be written.
    """
    place = folder.resolve()
    if place in _held:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(f"{folder} can't be written ({error.strerror or error}); choose another place.") from None
    try:
        _lock(descriptor)
    except (BlockingIOError, PermissionError):
        os.close(descriptor)
        raise OutputError(
            f"The run in {folder} is going on in another process; wait for its end or stop it, or choose another --out."
        ) from None
    except OSError:
        os.close(descriptor)
        return
    _held[place] = descriptor


def unlock(folder: Path) -> None:
    """Give the folder back, if this process has it."""
    descriptor = _held.pop(folder.resolve(), None)
    if descriptor is not None:
        with contextlib.suppress(OSError):
            os.close(descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
