"""Recorded steps beside plain ones. What stands in for a GPU's recording here runs the same operations anew."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from picochat.errors import ContextOverflowError
from picochat.inference import recorded
from picochat.inference.recorded import RecordedSteps, Run, cuda_graph
from picochat.inference.torch_backend import TorchBackend
from picochat.model.cache import KVCache
from tests.inference.tiny import tiny_engine

VARIANTS: dict[str, dict[str, Any]] = {
    "gpt2": {"architecture": "gpt2"},
    "llama": {"architecture": "llama", "kv_heads": 1},
    "qwen3": {"architecture": "qwen3"},
    "alibi": {"architecture": "llama", "position": "alibi"},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_recorded_steps_compute_what_plain_ones_do(variant: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorded, "SHORTEST", 8)
    backend = tiny_engine(context=24, **variant).backend
    assert isinstance(backend, TorchBackend)
    made: list[Run] = []

    def record(run: Run) -> Run:
        run()  # as before a recording: this must leave no trace
        made.append(run)
        return run

    cache = KVCache(backend.model.config)
    steps = RecordedSteps(backend.model, cache, record)
    ids = [5, 9, 2, 7] * 6
    with torch.inference_mode():
        backend.model(torch.tensor([ids[:3]]), cache)
    backend.prefill(ids[:3])
    for token in ids[3:]:
        assert steps.step(token).numpy() == pytest.approx(backend.step(token), abs=1e-5)
    assert len(made) == 3  # up to 8, 16 and 24 places
    with pytest.raises(ContextOverflowError):
        steps.step(1)
    cache.truncate(5)
    backend.truncate(5)
    assert steps.step(3).numpy() == pytest.approx(backend.step(3), abs=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_on_a_gpu() -> None:
    model = tiny_engine(context=600).backend.model.to("cuda")  # type: ignore[attr-defined]
    plain, cache = KVCache(model.config, device="cuda"), KVCache(model.config, device="cuda")
    steps = RecordedSteps(model, cache, cuda_graph)
    for token in [5, 9, 2, 7] * 140:
        with torch.inference_mode():
            expected = model(torch.tensor([[token]], device="cuda"), plain)[0, -1]
        assert torch.allclose(steps.step(token), expected, atol=1e-4)


def test_where_nothing_can_be_recorded_steps_are_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = tiny_engine().backend
    assert isinstance(backend, TorchBackend)
    expected = [backend.step(token) for token in (3, 4)]
    backend.truncate(0)

    def fail(run: Run) -> Run:
        raise RuntimeError("out of memory")

    backend._steps = RecordedSteps(backend.model, backend.cache, fail)
    for token, logits in zip((3, 4), expected, strict=True):
        assert backend.step(token) == pytest.approx(logits, abs=1e-6)
