"""The processes that train one model together, as torchrun starts them; alone, there is one.

Every process holds the whole model and takes its share of each batch's rows (data parallelism). Gradients are summed once
a step, after the last backward pass: so a process that runs out of memory can take fewer rows at once without the others
knowing. (With --parallel fsdp the model too is shared out, see `fsdp`.)

A process that ends takes the others with it: their connections to it close, and torchrun ends those that wait on a GPU.
What was wrong is said once.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import os
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from picochat.errors import ConfigError, PicochatError, TrainingError
from picochat.training.launch import restarts

T = TypeVar("T")

BUCKET = 1 << 23
"""Gradient values that travel together."""

PATIENCE = timedelta(minutes=30)
"""How long processes wait for one of them, which may be training a tokenizer; that one has ended is seen at once."""

_runs = itertools.count()


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
        return self._reduced(values, dist.ReduceOp.SUM)

    def largest(self, *values: float) -> list[float]:
        """The largest of all processes' of each number."""
        return list(values) if self.size == 1 else self._reduced(values, dist.ReduceOp.MAX)

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self.size > 1:
            dist.barrier()

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

    def _reduced(self, values: tuple[float, ...], how: dist.ReduceOp.RedOpType) -> list[float]:
        numbers = torch.tensor(values, dtype=torch.float64, device=self._device)
        dist.all_reduce(numbers, how)
        return [float(number) for number in numbers.tolist()]


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

    An error is raised in one process; the others, which have the same or only miss that one, leave with exit code 2.

    Args:
        device: "cuda" takes the GPU of this process's number.

    Raises:
        ConfigError: processes that can't find each other, or have no device of their own.
        TrainingError: another process has ended without a word.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield ALONE
        return
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    local = int(os.environ.get("LOCAL_RANK", rank))
    try:
        # torchrun's store outlives its processes: addresses of those that have died must not be taken for these
        store = PrefixStore(f"picochat-{restarts()}-{next(_runs)}", _store())
        with _one_voice(store):
            device = _own_device(device, local, size)
            backend = "nccl" if device.type == "cuda" else "gloo"
            dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    except (RuntimeError, ValueError) as error:
        raise ConfigError(f"The processes of this run can't find each other ({error}); start them with torchrun.") from None
    world = World(rank, size, local, device)
    with _one_voice(store):
        yield world
        # torchrun ends all when one leaves with an exit code, and the first may still be saving
        world.wait()
    dist.destroy_process_group()


@functools.cache
def _store() -> Store:
    """What the processes find each other by, as long as this one lives."""
    store: Store = next(iter(rendezvous("env://")))[0]
    return store


def _own_device(device: torch.device, local: int, size: int) -> torch.device:
    if device.type == "cuda":
        if local >= torch.cuda.device_count():
            raise ConfigError(
                f"This machine has {torch.cuda.device_count()} GPUs, too few for its processes; lower --nproc-per-node."
            )
        torch.cuda.set_device(local)
        return torch.device("cuda", local)
    if device.type != "cpu" and size > 1:
        raise ConfigError(f"Several processes can't train on {device.type}; start one, or give --device cpu.")
    return device


@contextlib.contextmanager
def _one_voice(store: Store) -> Iterator[None]:
    """Let an error of several processes be raised in one of them; the others leave quietly."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(RuntimeError):  # the store goes with the one who keeps it
            missing = _is_missing(error)
            if missing and store.check(["ended"]):
                raise SystemExit(2) from None
            store.set("ended", "")
            if isinstance(error, PicochatError) or missing:
                said = "missing" if missing else hashlib.sha256(str(error).encode()).hexdigest()
                if store.add(said, 1) > 1:
                    raise SystemExit(2) from None
        if _is_missing(error):
            raise TrainingError(
                "A process of this run has ended unexpectedly; see what it said, and go on with --resume."
            ) from None
        raise


def _is_missing(error: BaseException) -> bool:
    """Whether this is how torch says that another process is no longer there."""
    return isinstance(error, dist.DistError) or (
        isinstance(error, RuntimeError) and any(word in str(error) for word in ("gloo/transport", "closed by peer"))
    )
