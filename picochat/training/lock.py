"""One process at a time for a run folder."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import IO

from picochat.errors import OutputError

LOCK = ".lock"

_held: dict[Path, IO[bytes]] = {}
"""The lock files of this process, by folder."""


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
        stream = (folder / LOCK).open("ab")
    except OSError as error:
        raise OutputError(f"{folder} can't be written ({error.strerror or error}); choose another place.") from None
    try:
        _lock(stream)
    except (BlockingIOError, PermissionError):
        stream.close()
        raise OutputError(
            f"The run in {folder} is going on in another process; wait for its end or stop it, or choose another --out."
        ) from None
    except OSError:
        stream.close()
        return
    _held[place] = stream


def unlock(folder: Path) -> None:
    """Give the folder back, if this process has it."""
    if stream := _held.pop(folder.resolve(), None):
        with contextlib.suppress(OSError):
            stream.close()


if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[bytes]) -> None:
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
