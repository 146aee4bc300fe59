"""The reference back end: PyTorch, on any device."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from picochat.checkpoint import load_checkpoint
from picochat.inference.backend import ModelInfo
from picochat.model.cache import KVCache
from picochat.model.device import resolve_device
from picochat.model.gpt import GPT
from picochat.text.tokenizer import Tokenizer


class TorchBackend:
    """A `GPT` with its cache."""

    def __init__(self, model: GPT, info: ModelInfo) -> None:
        self.info = info
        self.model = model.eval()
        weight = model.embedding.weight
        self.cache = KVCache(model.config, device=weight.device, dtype=weight.dtype)
        self._device = weight.device

    @property
    def length(self) -> int:
        """Tokens in the cache."""
        return self.cache.length

    @torch.inference_mode()
    def prefill(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        """See `Backend.prefill`."""
        batch = torch.tensor([list(ids)], dtype=torch.long, device=self._device)
        logits = self.model(batch, self.cache, last_only=True)[0, -1]
        return logits.float().cpu().numpy()  # type: ignore[no-any-return]

    def step(self, token: int) -> npt.NDArray[np.float32]:
        """See `Backend.step`."""
        return self.prefill((token,))

    def truncate(self, length: int) -> None:
        """See `Backend.truncate`."""
        self.cache.truncate(length)


def open_torch(path: str | Path, *, device: str = "auto", threads: int | None = None) -> tuple[TorchBackend, Tokenizer]:
    """Load a model file or run folder onto a device."""
    target = resolve_device(device)
    checkpoint = load_checkpoint(path)
    if threads:
        torch.set_num_threads(threads)
    dtype = torch.float32 if target.type == "cpu" else torch.bfloat16 if target.type == "cuda" else torch.float32
    model = checkpoint.build(dtype=dtype, device=target)
    info = ModelInfo(
        path=checkpoint.path or Path(path),
        architecture=checkpoint.config.architecture,
        parameters=checkpoint.config.parameters,
        vocab_size=checkpoint.config.vocab_size,
        context=checkpoint.config.context,
        device=str(target),
        precision={torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype],
        training=checkpoint.training,
    )
    return TorchBackend(model, info), checkpoint.tokenizer
