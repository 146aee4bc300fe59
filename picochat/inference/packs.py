"""Packs: models made ready for ONNX Runtime, once, in the user's cache.

A pack is a folder named by what is in the model file (its sha256), the precision and the version of the format, so an old
one can never answer for a model that has changed:

model.onnx, model.onnx.data    the graph and its weights, which are mapped, not copied
pack.json                      the model's shape, tokenizer and facts; sizes and hashes of the others

With a pack, a chat needs no torch.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picochat.errors import CheckpointError, ConfigError, OutputError
from picochat.files import atomic_folder, file_digest, remove_folder, remove_left_behind, write_text
from picochat.interop.onnx import BITS, Precision, arrays, write_onnx
from picochat.interop.small_caches import cache_steps, pays
from picochat.model.config import ModelConfig
from picochat.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from picochat.checkpoint import Checkpoint

VERSION = 4
"""Raised whenever the graph or the facts beside it change."""

LIMIT = 4 * 1024**3
"""Bytes that all packs together may take; beyond, those used longest ago go."""

GRAPH = "model.onnx"
FACTS = "pack.json"
SETTLED = 5.0
"""Seconds without a change after which a file is hashed for the last time."""


@dataclass(frozen=True)
class Pack:
    """A model made ready."""

    folder: Path
    precision: Precision
    config: ModelConfig
    tokenizer: Tokenizer
    training: dict[str, Any]

    @property
    def graph(self) -> Path:
        """The file to run."""
        return self.folder / GRAPH

    @property
    def bytes(self) -> int:
        """Size of the weights."""
        return self.graph.with_name(f"{GRAPH}.data").stat().st_size


class PackStore:
    """The packs of one folder. Two processes may use it at once: a pack appears whole, and is never changed."""

    def __init__(self, root: Path, limit: int = LIMIT) -> None:
        self.root = root
        self.limit = limit

    def find(self, digest: str, precision: Precision) -> Pack | None:
        """The pack of the model with that digest; `None` where there is none, or it is damaged, which deletes it."""
        folder = self._folder(digest, precision)
        if not folder.is_dir():
            return None
        try:
            pack = self._read(folder, precision)
        except (OSError, ValueError, KeyError, TypeError, CheckpointError, ConfigError):
            self.discard(folder)
            return None
        with contextlib.suppress(OSError):
            os.utime(folder)  # used now
        return pack

    def make(self, digest: str, precision: Precision, checkpoint: Checkpoint) -> Pack:
        """Make a pack of a model, here or, where this folder can't be written, in one that lasts as long as the program.

        Raises:
            ConfigError: a model that the graph can't hold.
            OutputError: no place can be written.
        """
        folder = self._folder(digest, precision)
        try:
            _write(folder, precision, checkpoint)
        except OutputError:
            # another process was quicker, or the place is read-only or full
            if not (folder / FACTS).is_file():
                place = Path(tempfile.mkdtemp(prefix="picochat-"))
                atexit.register(shutil.rmtree, place, ignore_errors=True)
                folder = place / folder.name
                _write(folder, precision, checkpoint)
        else:
            self._tidy(keep=folder)
        return self._read(folder, precision)

    def discard(self, folder: Path) -> None:
        """Delete a pack, if that can be done."""
        with contextlib.suppress(OSError):
            remove_folder(folder)

    def _read(self, folder: Path, precision: Precision) -> Pack:
        """Raises one of many kinds of error where the pack is not whole."""
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        if facts["version"] != VERSION or GRAPH not in facts["files"]:
            raise ValueError("another version")
        for name, entry in facts["files"].items():
            path = folder / name
            if path.stat().st_size != entry["size"] or remembered_digest(path, self.root) != entry["sha256"]:
                raise ValueError(f"{name} is damaged")
        config = ModelConfig.from_dict(facts["model"])
        return Pack(folder, precision, config, Tokenizer.from_json(facts["tokenizer"]), dict(facts["training"]))

    def _folder(self, digest: str, precision: str) -> Path:
        return self.root / f"{digest[:40]}-{precision}-{VERSION}"

    def _tidy(self, keep: Path) -> None:
        """Delete packs used longest ago until the rest fits, and those that were never finished."""
        with contextlib.suppress(OSError):
            remove_left_behind(self.root)
            packs = sorted((path for path in self.root.iterdir() if path != keep and (path / FACTS).is_file()), key=_used)
            sizes = {path: sum(file.stat().st_size for file in path.iterdir()) for path in [*packs, keep]}
            while packs and sum(sizes.values()) > self.limit:
                self.discard(packs[0])
                del sizes[packs.pop(0)]


def source_digest(path: Path, memory: Path) -> str:
    """The sha256 of a model file, or of the files of a model's folder; `memory` is as in `remembered_digest`."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        lines = "\n".join(f"{file.name} {remembered_digest(file, memory)}" for file in files)
        return hashlib.sha256(lines.encode()).hexdigest()
    return remembered_digest(path, memory)


def remembered_digest(path: Path, memory: Path) -> str:
    """The sha256 of a file, computed once.

    `memory`, a folder, keeps what was found together with the file's size, times and place on the disk. It is believed while
    all of them are the same, and had been so for some seconds when it was written: the time of the last change can't be set
    by a program, but two changes may fall into one tick of the clock.
    """
    state = path.stat()
    seen = [state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino, state.st_dev]
    note = memory / "digests" / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:40]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["file"] == seen:
            return str(known["sha256"])
    digest = file_digest(path)
    if time.time() - max(state.st_mtime, state.st_ctime) > SETTLED:
        with contextlib.suppress(OutputError):
            write_text(note, json.dumps({"file": seen, "sha256": digest}))
    return digest


def _write(folder: Path, precision: Precision, checkpoint: Checkpoint) -> None:
    # beside weights of 8 bits and fewer, caches of 8 bits change nothing that shows
    steps = cache_steps(checkpoint) if precision in BITS and pays(checkpoint.config) else None
    with atomic_folder(folder) as place:
        write_onnx(checkpoint.config, arrays(checkpoint.weights), place / GRAPH, precision, steps)
        files = {path.name: {"size": path.stat().st_size, "sha256": file_digest(path)} for path in sorted(place.iterdir())}
        facts = {
            "version": VERSION,
            "files": files,
            "model": checkpoint.config.to_dict(),
            "tokenizer": checkpoint.tokenizer.to_json(),
            "training": checkpoint.training,
        }
        (place / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def _used(folder: Path) -> float:
    return folder.stat().st_mtime
