"""The processes that train one model together, as torchrun starts them; alone, there is one.

Every process holds the whole model and takes its share of each batch's rows (data parallelism). Gradients are summed once
a step, after the last backward pass: so a process that runs out of memory can take fewer rows at once without the others
knowing.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from picochat.errors import ConfigError

T = TypeVar("T")

BUCKET = 1 << 23
"""Gradient values that travel together."""


class World:
    """The processes of a run, and this one's place among them.

    Attributes:
        rank: from 0 on; the first one writes the files.
        size: how many there are.
        local: this one's number on its machine, and that of its GPU.
    """

    def __init__(self, rank: int = 0, size: int = 1, local: int = 0, device: torch.device | None = None) -> None:
        self.rank, self.size, self.local = rank, size, local
        self._device = device or torch.device("cpu")

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    @property
    def restarts(self) -> int:
        """How often torchrun has started the processes anew after one of them died."""
        return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))

    def share(self, value: T) -> T:
        """The first process's `value`, of plain numbers, texts and lists of them."""
        if self.size == 1:
            return value
        message = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8).to(self._device)
        length = torch.tensor(len(message), device=self._device)
        dist.broadcast(length, 0)
        if not self.is_main:
            message = torch.empty(int(length), dtype=torch.uint8, device=self._device)
        dist.broadcast(message, 0)
        return json.loads(bytes(message.cpu().tolist()))  # type: ignore[no-any-return]

    def total(self, *values: float) -> list[float]:
        """Each number summed over all processes."""
        if self.size == 1:
            return list(values)
        numbers = torch.tensor(values, dtype=torch.float64, device=self._device)
        dist.all_reduce(numbers)
        return [float(number) for number in numbers.tolist()]

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace each gradient by the sum of all processes'."""
        if self.size == 1:
            return
        for bucket in _buckets([p for p in parameters if p.requires_grad]):
            gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in bucket]
            together = torch.cat([gradient.flatten() for gradient in gradients])
            dist.all_reduce(together)
            parts = torch.split(together, [parameter.numel() for parameter in bucket])
            for parameter, part in zip(bucket, parts, strict=True):
                parameter.grad = part.view_as(parameter)


def _buckets(parameters: list[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    filled = 0
    for parameter in parameters:
        bucket.append(parameter)
        filled += parameter.numel()
        if filled >= BUCKET:
            yield bucket
            bucket, filled = [], 0
    if bucket:
        yield bucket


ALONE = World()


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """The world that torchrun has made, or that of one process where there is none.

    Args:
        device: "cuda" takes the GPU of this process's number.

    Raises:
        ConfigError: processes that can't find each other.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield ALONE
        return
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    local = int(os.environ.get("LOCAL_RANK", rank))
    if device.type == "cuda":
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    try:
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"The processes of this run can't find each other ({error}); start them with torchrun.") from None
    try:
        yield World(rank, size, local, device if device.type == "cuda" else None)
    finally:
        dist.destroy_process_group()
