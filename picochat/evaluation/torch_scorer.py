"""The reference scorer: PyTorch, on the device where the model is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from picochat.evaluation.rows import Row
from picochat.model.gpt import GPT
from picochat.text.chat_format import Part

HEAD_TOKENS = 2048
"""Logits computed at once: a row of them is as wide as the vocabulary."""


class TorchScorer:
    """A `GPT` without a cache."""

    def __init__(self, model: GPT) -> None:
        self.model = model.eval()
        self.device = model.embedding.weight.device
        # what a CPU's caches hold is read half as fast again as what they don't
        self.batch_tokens = 2_048 if self.device.type == "cpu" else 65_536

    @torch.inference_mode()
    def losses(self, rows: Sequence[Row]) -> list[npt.NDArray[np.float64]]:
        """See `Scorer.losses`."""
        # padding on the right: in a causal model nothing before it sees it
        shape = len(rows), max(len(row.ids) for row in rows)
        padded, counted = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=bool)
        for index, row in enumerate(rows):
            padded[index, : len(row.ids)] = row.ids
            counted[index, : len(row.ids)] = np.array(row.parts) != Part.STRUCTURE
        ids, wanted = torch.from_numpy(padded).to(self.device), torch.from_numpy(counted[:, 1:]).to(self.device)
        states, targets = self.model.hidden(ids[:, :-1])[wanted], ids[:, 1:][wanted]  # (N, C), (N,)
        pieces = [
            F.cross_entropy(self.model.logits(some).float(), answers, reduction="none")
            for some, answers in zip(torch.split(states, HEAD_TOKENS), torch.split(targets, HEAD_TOKENS), strict=True)
        ]
        losses = torch.cat(pieces).cpu().numpy().astype(np.float64)
        return np.split(losses, np.cumsum(counted.sum(axis=1))[:-1])
