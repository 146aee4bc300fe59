"""The manifest of a run folder: the size and the sha256 that each of its files must have.

A leaf, standard library only: a loader finds the newest model that is whole without loading what trains one.

{"format": "picochat-run/1", "sha256": "<of the list below>",
 "files": [{"name": "states/step-000120.pt", "step": 120, "size": 4711, "sha256": "..."}, ...]}
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from picochat.files import file_digest, write_text

MANIFEST = "manifest.json"
FORMAT = "picochat-run/1"


@dataclass(frozen=True)
class Entry:
    """What a file must be; `name` is its path in the run folder, written with `/`, and `size` is in bytes."""

    name: str
    step: int
    size: int
    sha256: str


def read_manifest(folder: Path) -> list[Entry]:
    """What the manifest lists, in the order of writing; nothing where there is none, or it is damaged.

    It is small and needed when something has gone wrong, so it has a hash of its own.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = content["files"]
        entries = [Entry(str(file["name"]), int(file["step"]), int(file["size"]), str(file["sha256"])) for file in files]
        whole = content["format"] == FORMAT and content["sha256"] == _digest(files)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return []
    return entries if whole else []


def write_manifest(folder: Path, entries: Iterable[Entry]) -> None:
    """Write the manifest atomically; raises `OutputError`."""
    files = [asdict(entry) for entry in entries]
    content = {"format": FORMAT, "sha256": _digest(files), "files": files}
    write_text(folder / MANIFEST, json.dumps(content, indent=1) + "\n")


def fault(folder: Path, name: str, entries: Iterable[Entry]) -> str:
    """What is wrong with a `.pt` file of a run, in a few words; empty when nothing is.

    One that isn't listed, because the run was killed before that or the manifest is lost, has only the checksums of
    its own zip format. One that is listed twice was just being replaced, and may be either.

    Args:
        name: its path in the run folder.
        entries: the manifest.
    """
    path, listed = folder / name, [entry for entry in entries if entry.name == name]
    try:
        size = path.stat().st_size
        if not listed:
            return "" if _checksums_hold(path) else "it is cut short, or its checksums are wrong"
        if size not in {entry.size for entry in listed}:
            return f"it has {size:,} bytes, and should have {listed[-1].size:,}"
        if (size, file_digest(path)) not in {(entry.size, entry.sha256) for entry in listed}:
            return "its hash is not the one in the manifest"
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it can't be read: {error.strerror or error}"
    return ""


def _checksums_hold(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except OSError:
        raise
    except Exception:  # a damaged zip file fails in many ways
        return False


def _digest(files: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
