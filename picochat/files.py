"""Writing files so that a crash, a full disk or a second process never leaves half of one."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from picochat.errors import OutputError

if TYPE_CHECKING:
    from typing_extensions import Buffer

LEFT_BEHIND = 3600.0
"""Seconds after which an unfinished folder that nobody writes to is one of a process that was killed."""


class HashingWriter(io.BufferedWriter):
    """A file being written, which knows what has been: reading it back for its hash would take as long again.

    Attributes:
        size: bytes so far.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self.size = 0
        self._hash = hashlib.sha256()

    def write(self, data: Buffer, /) -> int:
        """Write bytes on; returns how many."""
        written = super().write(data)
        self._hash.update(data)
        self.size += written
        return written

    @property
    def sha256(self) -> str:
        """The sha256 of all so far."""
        return self._hash.hexdigest()


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[HashingWriter]:
    """Open a temporary file beside `path`; it takes the name only when the block ends well.

    Raises:
        OutputError: the place can't be written, or the disk is full. What stood there before is untouched.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        temporary = Path(name)
        with HashingWriter(io.FileIO(descriptor, "wb")) as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        raise _output_error(path, error) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A name beside `path`, for a library that opens files itself; what it wrote becomes `path` when the block ends well.

    Raises:
        OutputError: the place can't be written, or the disk is full. What stood there before is untouched.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.unfinished-") as folder:
            temporary = Path(folder) / path.name
            yield temporary
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise _output_error(path, error) from None


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A temporary folder beside `path`; it takes the name only when the block ends well, and else is deleted.

    One that a killed process has left behind is deleted by the next one who writes there, after an hour.

    Raises:
        OutputError: the place can't be written, the disk is full, or `path` is a folder with something in it.
    """
    prefix = f".{path.name}.unfinished-"
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_left_behind(path.parent, path.name)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=prefix))
        yield temporary
        temporary.chmod(0o777 & ~_umask())
        with contextlib.suppress(OSError):
            # an empty folder is as good as none, but not every system renames onto one
            path.rmdir()
        temporary.rename(path)
        temporary = None
        _sync_folder(path.parent)
    except OSError as error:
        raise _output_error(path, error) from None
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def remove_left_behind(folder: Path, name: str = "*") -> None:
    """Delete what killed processes have left in a folder while they wrote `name`: by default, whatever it was."""
    for old in folder.glob(f".{name}.unfinished-*"):
        if time.time() - _last_written(old) > LEFT_BEHIND:
            shutil.rmtree(old, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Delete a folder; a process that is killed meanwhile leaves nothing of it under its name."""
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.unfinished-"))
    path.rename(aside / path.name)
    shutil.rmtree(aside, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole text atomically."""
    with atomic_write(path) as stream:
        stream.write(text.encode("utf-8"))


def file_digest(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _output_error(path: Path, error: OSError) -> OutputError:
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    remedy = "free some space, or choose another place" if full else "choose another place"
    return OutputError(f"{path} can't be written ({error.strerror or error}); {remedy}.")


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system lets a folder be opened."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _last_written(folder: Path) -> float:
    """When something in a folder was written last; now, if it is just being deleted."""
    try:
        return max(path.stat().st_mtime for path in [folder, *folder.iterdir()])
    except OSError:
        return time.time()


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
