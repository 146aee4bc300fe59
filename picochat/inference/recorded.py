"""Steps of one token on a GPU, recorded once and replayed: a small model takes longer to launch than to compute.

A step is some hundred kernels, each launched by Python; a CUDA graph is all of them in one launch (as in gpt-fast, PyTorch's
blog of November 2023). Its shapes are fixed, so there is one recording for each power of two of places that attention goes
over.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from picochat.model.cache import KVCache, StepCache
from picochat.model.gpt import GPT

SHORTEST = 256
"""Places of the first recording: over fewer, attention takes no less time."""

WARM_UP = 3
"""Runs before a recording, in which libraries choose their kernels and set memory aside."""

Run = Callable[[], Tensor]


def cuda_graph(run: Run) -> Run:
    """Record what `run` does on the GPU; what is returned does it again, and gives the same tensor each time."""
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            run()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = run()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


class RecordedSteps:
    """The steps of one model with one cache.

    Args:
        record: makes of a function one that does the same, from the same memory to the same memory.
    """

    def __init__(self, model: GPT, cache: KVCache, record: Callable[[Run], Run] = cuda_graph) -> None:
        self._model = model
        self._cache = cache
        self._record = record
        self._ids = torch.zeros(1, 1, dtype=torch.long, device=cache.keys.device)
        self._steps: dict[int, tuple[StepCache, Run]] = {}

    @torch.inference_mode()
    def step(self, token: int) -> Tensor:
        """Read one token; the (vocab_size,) logits after it, in memory that the next step writes again.

        Raises:
            ContextOverflowError: the cache is full.
            RuntimeError: no memory is left for a recording, or the GPU can't record.
        """
        self._cache.check(1)
        place = self._cache.length
        end = SHORTEST
        while end <= place:
            end *= 2
        self._ids.fill_(token)
        view, run = self._recorded(min(end, self._cache.capacity), place)
        view.place.fill_(place)
        logits = run()
        self._cache.advance(1)
        return logits

    def _recorded(self, end: int, place: int) -> tuple[StepCache, Run]:
        if end not in self._steps:
            view = StepCache(self._cache, end)
            # the runs before the recording write where the step itself is about to
            view.place.fill_(place)
            self._steps[end] = view, self._record(lambda: self._model(self._ids, view)[0, -1])
        return self._steps[end]
