from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from picochat.model.config import ModelConfig
from picochat.text.batches import Batch, training_batch
from picochat.training.config import TrainConfig
from picochat.training.hardware import device_memory
from picochat.training.learner import Learner, Learnt
from picochat.training.machine import Machine, memory_need
from picochat.training.plan import make_plan
from picochat.training.probe import measure, seconds_each, will_compile
from picochat.training.setup import prepare
from picochat.training.sizing import DataSize

CONFIG = TrainConfig(data=Path("text.txt"), device="cpu", precision="fp32", attention="blocks")
TINY = ModelConfig.create(preset="nano", layers=2, heads=2, dim=32, context=32, vocab_size=300)


def test_a_larger_network_is_measured_slower() -> None:
    large = ModelConfig.create(preset="nano", layers=8, heads=4, dim=256, context=32, vocab_size=300)
    small_speed = measure(CONFIG, TINY, batch_size=8, seconds=0.3)
    assert small_speed > measure(CONFIG, large, batch_size=8, seconds=0.3) > 0


def test_the_steps_are_real_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    step = Learner.step

    def count(self: Learner, batches: Sequence[Batch], rate: float) -> Learnt:
        before = self.model.embedding.weight.detach().clone()
        learnt = step(self, batches, rate)
        assert not torch.equal(before, self.model.embedding.weight)
        assert not learnt.skipped
        seen.append(len(batches[0].inputs))
        return learnt

    monkeypatch.setattr(Learner, "step", count)
    measure(CONFIG, TINY, batch_size=8, seconds=5.0)
    assert seen[:3] == [1, 1, 2]
    assert seen == sorted(seen)


def test_steps_grow_while_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []

    def pretend(learner: Learner, batch: Batch) -> float:
        rows.append(len(batch.inputs))
        return float(len(batch.inputs))  # a second for each sequence

    monkeypatch.setattr("picochat.training.probe._step_seconds", pretend)
    monkeypatch.setattr("picochat.training.probe.time", SimpleNamespace(perf_counter=lambda: float(sum(rows))))
    assert measure(CONFIG, TINY, batch_size=64, seconds=0.0) == TINY.context
    assert rows == [1, 1]
    rows.clear()
    assert measure(CONFIG, TINY, batch_size=64, seconds=8.0) == TINY.context
    assert rows == [1, 1, 2, 4]
    rows.clear()
    assert measure(CONFIG, TINY, batch_size=3, seconds=12.5) == TINY.context
    assert rows == [1, 1, 2, 3, 3, 3]


def test_a_tiny_machine_time_and_text_make_a_run_that_trains(chat_file: Path) -> None:
    config = TrainConfig(
        data=chat_file, time=2.0, device="cpu", precision="fp32", embedding=32, layers=1, heads=2, context=32
    )
    text = chat_file.read_text()

    def look(shape: ModelConfig, *, batch_size: int) -> float:
        return measure(config, shape, batch_size=batch_size, seconds=0.2)

    plan = make_plan(config, DataSize(len(text), documents=40, chats=True), Machine(look))
    trainer = prepare(plan.config, save=False)
    assert (trainer.shape.dim, trainer.shape.layers) == (32, 1)
    first = float(trainer.evaluate()["val_loss"])
    assert trainer.fit().val_loss < first


@pytest.mark.parametrize(("optimizer", "checkpointing"), [("muon", False), ("adamw", False), ("muon", True)])
def test_the_memory_told_is_about_what_training_takes(optimizer: str, checkpointing: bool, plain_file: Path) -> None:
    shape = ModelConfig.create(preset="nano", layers=4, heads=4, dim=128, context=128, vocab_size=512)
    config = CONFIG.changed(optimizer=optimizer, checkpointing=checkpointing, batch_size=4, data=plain_file, vocab_size=512)
    need = memory_need(shape, config, 4)
    learner = Learner(config, shape)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    stream = prepare(config, save=False).train
    batch = training_batch(stream, batch=4, length=128, seed=0, step=0)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        states = learner.model.hidden(torch.from_numpy(batch.inputs))
    if not checkpointing:
        assert 0.6 < need.activations / sum(kept.values()) < 1.6
    else:
        assert need.activations < memory_need(shape, config.changed(checkpointing=False), 4).activations / 2
    assert states.shape[-1] == shape.dim
    learner.step([batch], 1e-3)
    optimizer_bytes = sum(
        value.numel() * value.element_size()
        for part in learner.optimizer.parts
        for state in part.state.values()
        for value in state.values()
        if isinstance(value, torch.Tensor) and value.ndim > 0
    )
    assert need.optimizer == pytest.approx(optimizer_bytes, rel=0.02)
    assert need.weights == 4 * sum(parameter.numel() for parameter in learner.model.parameters())


def test_measuring_is_short_beside_the_run() -> None:
    for run in (10.0, 180.0, 7200.0, 1e6):
        assert 3 * seconds_each(run) <= min(20.0, 0.05 * run) + 1e-9


def test_what_is_known_before_a_run() -> None:
    assert not will_compile(CONFIG.changed(time=100.0))
    assert not will_compile(CONFIG.changed(time=1e5, compile="off"))
    memory = device_memory(torch.device("cpu"))
    assert memory is None or memory > 1 << 28
