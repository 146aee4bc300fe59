"""The reference back end: PyTorch, on any device."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from picochat.checkpoint import Checkpoint
from picochat.errors import ConfigError, DeviceError, first_line
from picochat.inference.backend import ModelInfo
from picochat.inference.recorded import RecordedSteps
from picochat.interop.source import read_any
from picochat.model.cache import KVCache, RaggedCache
from picochat.model.device import resolve_device
from picochat.model.gpt import GPT
from picochat.text.tokenizer import Tokenizer

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""What weights, cache and products can be."""


class TorchBackend:
    """A `GPT` with its cache."""

    def __init__(self, model: GPT, info: ModelInfo) -> None:
        self.info = info
        self.model = model.eval()
        weight = model.embedding.weight
        self.cache = KVCache(model.config, device=weight.device, dtype=weight.dtype)
        self._device = weight.device
        self._steps = RecordedSteps(model, self.cache) if weight.device.type == "cuda" else None

    @property
    def length(self) -> int:
        """Tokens in the cache."""
        return self.cache.length

    @property
    def cache_bytes(self) -> int:
        """See `Backend.cache_bytes`."""
        return self.cache.bytes

    @torch.inference_mode()
    def prefill(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """See `Backend.prefill`."""
        with _memory_of(self._device):
            batch = torch.tensor([list(ids)], dtype=torch.long, device=self._device)
            logits = self.model(batch, self.cache, last_only=True)[0, -1]
            return _numbers(logits)

    @torch.inference_mode()
    def read(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """See `Backend.read`."""
        batch = torch.tensor([list(ids)], dtype=torch.long, device=self._device)
        return _numbers(self.model(batch, self.cache)[0])

    def step(self, token: int) -> npt.NDArray[np.float32]:
        """See `Backend.step`."""
        if self._steps is not None:
            try:
                return _numbers(self._steps.step(token))
            except RuntimeError:  # no memory for a recording, or a GPU that can't record
                self._steps = None
        return self.prefill((token,))

    def truncate(self, length: int) -> None:
        """See `Backend.truncate`."""
        self.cache.truncate(length)

    def twin(self) -> TorchBackend:
        """See `Backend.twin`."""
        with _memory_of(self._device):
            return TorchBackend(self.model, self.info)

    def lanes(self, count: int) -> TorchLanes:
        """See `Backend.lanes`."""
        try:
            return TorchLanes(self.model, count)
        except RuntimeError as error:  # out of memory, on every device
            raise DeviceError(
                f"{self.info.device} has no memory for {count} texts side by side ({first_line(error)}); ask for fewer."
            ) from None


class TorchLanes:
    """A `GPT` with rows of one cache; each row is prefilled as a cache of its own, and steps take several rows at once."""

    def __init__(self, model: GPT, count: int) -> None:
        self.count = count
        self._model = model
        weight = model.embedding.weight
        self._device = weight.device
        self._cache = KVCache(model.config, count, device=weight.device, dtype=weight.dtype)
        self._rows = [self._cache.row(lane) for lane in range(count)]

    def length(self, lane: int) -> int:
        """See `Lanes.length`."""
        return self._rows[lane].length

    @torch.inference_mode()
    def prefill(self, lane: int, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """See `Lanes.prefill`."""
        batch = torch.tensor([list(ids)], dtype=torch.long, device=self._device)
        return _numbers(self._model(batch, self._rows[lane], last_only=True)[0, -1])

    @torch.inference_mode()
    def step(self, tokens: Mapping[int, int]) -> npt.NDArray[np.float32]:
        """See `Lanes.step`."""
        lanes = list(tokens)
        batch = torch.tensor([[token] for token in tokens.values()], dtype=torch.long, device=self._device)
        cache = RaggedCache(self._cache, lanes, [self._rows[lane] for lane in lanes])
        return _numbers(self._model(batch, cache)[:, -1])

    def truncate(self, lane: int, length: int) -> None:
        """See `Lanes.truncate`."""
        self._rows[lane].truncate(length)

    @torch.inference_mode()
    def fork(self, source: int, target: int) -> None:
        """See `Lanes.fork`."""
        if source != target:
            self._rows[target].copy_from(self._rows[source])


def open_torch(
    source: str | Path | Checkpoint, *, device: str = "auto", threads: int | None = None, precision: str | None = None
) -> tuple[TorchBackend, Tokenizer]:
    """Load a model onto a device.

    Args:
        source: a file, folder or name that `read_any` reads, or what it has read.
        precision: "fp32", "bf16" or "fp16"; `None` takes what the device computes fastest at no loss that shows.

    Raises:
        CheckpointError: missing, damaged or foreign.
        ConfigError: an unknown precision.
        DeviceError: a device that is not here, or has no memory for the model.
    """
    target = resolve_device(device)
    name = precision or ("bf16" if target.type == "cuda" else "fp32")
    if name not in DTYPES:
        raise ConfigError(f"PyTorch computes with {', '.join(DTYPES)}, not with '{name}'; choose one of them.")
    checkpoint = source if isinstance(source, Checkpoint) else read_any(source)
    if threads:
        torch.set_num_threads(threads)
    path = checkpoint.path or Path(str(source))
    info = ModelInfo.of(checkpoint.config, path, device=str(target), precision=name, training=checkpoint.training)
    with _memory_of(target):
        return TorchBackend(checkpoint.build(dtype=DTYPES[name], device=target), info), checkpoint.tokenizer


@contextlib.contextmanager
def _memory_of(device: torch.device) -> Iterator[None]:
    """Make a sentence of what is raised where a GPU's memory is full."""
    try:
        yield
    except RuntimeError as error:  # every kind of device has a kind of its own
        if "out of memory" not in str(error).lower():
            raise
        raise DeviceError(
            f"The memory of {device} is full ({first_line(error)}); close what else uses it, or choose --device cpu."
        ) from None


def _numbers(logits: Tensor) -> npt.NDArray[np.float32]:
    return logits.float().cpu().numpy()
