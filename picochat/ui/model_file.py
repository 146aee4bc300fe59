"""Noticing that a running training has written a newer model."""

from __future__ import annotations

from pathlib import Path


class ModelFile:
    """A model file and the state it was in when it was loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = self._stamp()

    def changed(self) -> bool:
        """Whether another file has taken its place since the last call that said so; a missing one has not."""
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return False
        self._seen = stamp
        return True

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_mtime_ns, status.st_size
