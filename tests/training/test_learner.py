"""One step of learning: what memory, precision, compilation and bad numbers do to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from picochat.errors import TrainingError
from picochat.text.batches import Batch
from picochat.training.compute import why_no_compiler
from picochat.training.config import TrainConfig
from picochat.training.learner import Learner

CPU = torch.device("cpu")
RATE = 1e-2


def learner(notes: list[str] | None = None, **settings: Any) -> Learner:
    values: dict[str, Any] = {
        "data": Path("none"), "preset": "nano", "layers": 2, "heads": 2, "embedding": 32, "context": 16, "batch_size": 8,
        "precision": "fp32", "attention": "torch", "device": "cpu", "compile": "off", "optimizer": "adamw",
    }  # fmt: skip
    config = TrainConfig.parse({**values, **settings})
    return Learner(config, config.model_config_for(50), note=(notes if notes is not None else []).append)


def batch(rows: int = 8, seed: int = 0) -> Batch:
    ids = np.random.default_rng(seed).integers(50, size=(rows, 17))
    return Batch(ids[:, :-1], ids[:, 1:], np.zeros((rows, 16), dtype=np.uint8))


def weights(learner: Learner) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in learner.model.parameters()])


def fail_above(rows: int, learner: Learner, error: RuntimeError) -> None:
    """Let the network run out of memory with more rows than that at once."""
    hidden = learner._hidden

    def limited(ids: torch.Tensor) -> torch.Tensor:
        states = hidden(ids)
        if len(ids) > rows:
            raise error
        return states

    learner._hidden = limited


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY)
def test_short_memory_takes_fewer_rows_at_once_and_learns_the_same(error: RuntimeError) -> None:
    notes: list[str] = []
    short, ample = learner(notes), learner()
    fail_above(3, short, error)
    for seed in range(3):
        batches = [batch(seed=2 * seed), batch(seed=2 * seed + 1)]
        one, two = short.step(batches, RATE), ample.step(batches, RATE)
        assert one.loss == pytest.approx(two.loss, rel=1e-5)
        assert one.norm == pytest.approx(two.norm, rel=1e-4)
    torch.testing.assert_close(weights(short), weights(ample), atol=1e-5, rtol=1e-3)
    assert short.rows == 2
    assert [note for note in notes if "4 sequences" in note]
    assert [note for note in notes if "2 sequences" in note]
    assert short.losses(batch()).shape == (8 * 16,)


def test_too_little_memory_for_one_row_names_the_way_out() -> None:
    hopeless = learner()
    fail_above(0, hopeless, OUT_OF_MEMORY[0])
    with pytest.raises(TrainingError, match="--checkpointing"):
        hopeless.step([batch()], RATE)


def test_another_error_is_no_matter_of_memory() -> None:
    broken = learner()
    fail_above(0, broken, RuntimeError("shape mismatch"))
    with pytest.raises(RuntimeError, match="shape mismatch"):
        broken.step([batch()], RATE)
    assert broken.rows == 8


def test_a_number_that_is_none_leaves_the_weights_alone() -> None:
    careful = learner()
    before = weights(careful)
    careful._hidden = lambda ids: careful.model.hidden(ids) * float("nan")
    learnt = careful.step([batch()], RATE)
    assert learnt.skipped
    torch.testing.assert_close(weights(careful), before, atol=0, rtol=0)
    careful._hidden = careful.model.hidden
    assert not careful.step([batch()], RATE).skipped
    assert not torch.equal(weights(careful), before)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_short_numbers_learn_much_the_same(precision: str, optimizer: str) -> None:
    short, exact = learner(precision=precision, optimizer=optimizer), learner(optimizer=optimizer)
    pairs = [(short.step([batch()], RATE).loss, exact.step([batch()], RATE).loss) for _ in range(20)]
    assert pairs[-1][1] < 0.8 * pairs[0][1]
    assert pairs[-1][0] == pytest.approx(pairs[-1][1], rel=0.05)


def test_the_scale_of_short_numbers_falls_after_an_overflow() -> None:
    scaled = learner(precision="fp16")
    scaled.step([batch()], RATE)
    before = scaled.scaler.get_scale()
    good = scaled._hidden
    scaled._hidden = lambda ids: good(ids) * float("inf")
    assert scaled.step([batch()], RATE).skipped
    assert scaled.scaler.get_scale() < before
    again = learner(precision="fp16")
    again.restore(scaled.state())
    assert again.scaler.get_scale() == scaled.scaler.get_scale()


def test_checkpointing_learns_the_same_with_less_kept() -> None:
    def kept(which: Learner) -> int:
        total = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal total
            total += tensor.numel()
            return tensor

        which.model.train()
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            which.model.hidden(torch.from_numpy(batch().inputs))
        return total

    plain, frugal = learner(layers=4), learner(layers=4, checkpointing=True)
    assert kept(frugal) < 0.5 * kept(plain)
    for seed in range(3):
        assert plain.step([batch(seed=seed)], RATE).loss == pytest.approx(
            frugal.step([batch(seed=seed)], RATE).loss, rel=1e-5
        )


@pytest.mark.skipif(bool(why_no_compiler(CPU)), reason="no C++ compiler")
def test_a_compiled_network_learns_the_same() -> None:
    notes: list[str] = []
    fast, plain = learner(notes, compile="on", layers=1), learner(layers=1)
    assert fast.compiled, notes
    for seed in range(3):
        assert fast.step([batch(seed=seed)], RATE).loss == pytest.approx(plain.step([batch(seed=seed)], RATE).loss, rel=1e-4)


def test_what_was_compiled_is_compiled_again_when_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Learner] = []
    monkeypatch.setattr(Learner, "compile", lambda self: asked.append(self))
    state = learner().state()
    state["compute"]["compiled"] = True
    again = learner(compile="auto")
    again.restore(state)
    learner(compile="off").restore(state)
    assert asked == [again]


def test_where_nothing_compiles_the_network_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    plain = learner(notes, compile="on")
    assert not plain.compiled
    assert "Not compiled: there is no C++ compiler." in notes
    assert plain.step([batch()], RATE).loss > 0


def test_a_compiler_that_fails_is_told_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> Any:
        def hidden(ids: torch.Tensor) -> torch.Tensor:
            raise ValueError("no such instruction")

        return hidden

    monkeypatch.setattr(torch, "compile", broken)
    notes: list[str] = []
    plain = learner(notes, compile="on")
    assert not plain.compiled
    assert plain.step([batch()], RATE).loss > 0
    if not why_no_compiler(CPU):
        assert "Not compiled: torch.compile failed (ValueError)." in notes
