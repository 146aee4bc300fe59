"""A state in parts: each process of an fsdp run writes its own rows, and any number of processes reads them.

    <run>/shards/step-000120/part-00000-of-00002.pt     {"weights": {...}, "optimizer": {...}}: rows of the first process

It is not the format of torch.distributed.checkpoint, whose index is a pickle and could run any code when read.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from picochat.checkpoint import read_tensors, save_tensors
from picochat.errors import CheckpointError, OutputError
from picochat.files import atomic_write, remove_folder
from picochat.runs import SHARDS
from picochat.training.distributed import World

LARGE = ("weights", "optimizer")
"""The parts of a state that are shared out."""


class Pieces:
    """A tensor whose rows lie in several files, in order; read when asked for."""

    def __init__(self, pieces: list[Tensor]) -> None:
        self.pieces = pieces
        self.shape = (sum(len(piece) for piece in pieces), *pieces[0].shape[1:])

    def __getitem__(self, rows: slice) -> Tensor:
        start, stop, _ = rows.indices(self.shape[0])
        found, first = [], 0
        for piece in self.pieces:
            found.append(piece[max(0, start - first) : max(0, stop - first)])
            first += len(piece)
        return torch.cat(found)


class Shards:
    """The shared-out parts of a run's states.

    Args:
        run: the run folder.
    """

    def __init__(self, run: Path) -> None:
        self.place = run / SHARDS

    def write(self, step: int, state: dict[str, Any], world: World) -> dict[str, Any]:
        """Write the large parts of a state, all processes together; returns the rest of it, which tells where they are.

        The state counts when that rest is written: a crash before leaves the one before it.

        Raises:
            OutputError: in all processes, where one of them can't write.
        """
        from picochat.training.fsdp import local_rows

        folder, unfinished = self._folder(step), self.place / f".step-{step:06d}.unfinished"
        error: OutputError | None = None
        if world.is_main:
            shutil.rmtree(unfinished, ignore_errors=True)
        world.wait()
        try:
            with atomic_write(unfinished / _part(world.rank, world.size)) as stream:
                save_tensors(stream, {name: local_rows(state[name]) for name in LARGE})
        except OutputError as caught:
            error = caught
        (failed,) = world.largest(float(error is not None))
        if failed:
            raise error or OutputError(f"{folder} can't be written by another process; see what it says.")
        if world.is_main:
            if folder.exists():
                remove_folder(folder)
            unfinished.rename(folder)
        world.wait()
        rest = {name: value for name, value in state.items() if name not in LARGE}
        return {**rest, "shards": {"step": step, "parts": world.size}}

    def read(self, state: dict[str, Any]) -> dict[str, Any]:
        """A state with its large parts, mapped and not yet read; one that was written whole is returned as it is.

        Raises:
            CheckpointError: a part is missing or damaged.
        """
        if "shards" not in state:
            return state
        try:
            folder, parts = self._folder(int(state["shards"]["step"])), int(state["shards"]["parts"])
        except (KeyError, TypeError, ValueError):
            raise CheckpointError(f"The state of the run in {self.place.parent} is damaged; start the run again.") from None
        files = [read_tensors(folder / _part(rank, parts)) for rank in range(parts)]
        try:
            return {**state, **{name: _joined([file[name] for file in files]) for name in LARGE}}
        except (KeyError, TypeError, ValueError):
            raise CheckpointError(f"{folder} is damaged; start the run again.") from None

    def thin(self, step: int, keep: int) -> None:
        """Leave `keep` states, of this step and before; later ones are of a run that was here before or went further."""
        found = {int(path.name[5:]): path for path in self.place.glob("step-*") if path.name[5:].isdecimal()}
        left = sorted(other for other in found if other <= step)[-keep:]
        for path in [path for other, path in found.items() if other not in left]:
            with contextlib.suppress(OSError):
                remove_folder(path)
        for path in self.place.glob(".step-*.unfinished"):
            shutil.rmtree(path, ignore_errors=True)

    def _folder(self, step: int) -> Path:
        return self.place / f"step-{step:06d}"


def whole_tree(tree: Any) -> Any:
    """Dicts and lists of tensors, each read whole where it is in `Pieces`."""
    return mapped(lambda leaf: leaf[:] if isinstance(leaf, Pieces) else leaf, tree)


def mapped(change: Callable[[Any], Any], tree: Any) -> Any:
    """A tree with each leaf changed."""
    if isinstance(tree, dict):
        return {key: mapped(change, value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(mapped(change, value) for value in tree)
    return change(tree)


def _part(rank: int, size: int) -> str:
    return f"part-{rank:05d}-of-{size:05d}.pt"


def _joined(trees: list[Any]) -> Any:
    """Trees of the same form as one: tensors as `Pieces`, all else from the first."""
    first = trees[0]
    if isinstance(first, dict):
        return {key: _joined([tree[key] for tree in trees]) for key in first}
    if isinstance(first, (list, tuple)):
        return type(first)(_joined(list(items)) for items in zip(*trees, strict=True))
    return Pieces(trees) if isinstance(first, Tensor) and first.shape else first
