from __future__ import annotations

import itertools
import json
import math
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from picochat import train
from picochat.checkpoint import load_checkpoint
from picochat.errors import CheckpointError, ConfigError, OutputError, PicochatError, TrainingError
from picochat.training.config import TrainConfig
from picochat.training.schedule import Schedule
from picochat.training.setup import prepare
from picochat.training.trainer import Trainer

TINY: dict[str, Any] = {
    "preset": "nano", "layers": 1, "heads": 2, "embedding": 32, "context": 32, "vocab_size": 300,
    "batch_size": 4, "device": "cpu", "eval_batches": 4,
}  # fmt: skip


def config(data: Path, **settings: Any) -> TrainConfig:
    return TrainConfig.parse({**TINY, "data": data, **settings})


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_learns_and_leaves_its_folder(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = train(chat_file, **TINY, out=out, steps=60, eval_every=20)
    lines = metrics(out)
    assert len(lines) == 60
    assert lines[-1]["loss"] < 0.7 * lines[0]["loss"]
    assert [line["step"] for line in lines if "val_loss" in line] == [20, 40, 60]
    assert {"step", "seconds", "tokens", "loss", "lr", "tokens_per_second"} <= set(lines[0])
    assert yaml.safe_load((out / "config.yaml").read_text())["layers"] == 1
    best = load_checkpoint(out)
    assert best.path == result.best == out / "best.pt"
    assert best.training["val_loss"] == pytest.approx(result.val_loss)
    assert best.training["kind"] == "chat"


def test_the_best_model_is_kept_not_the_last(chat_file: Path, tmp_path: Path) -> None:
    trainer = prepare(config(chat_file, out=tmp_path / "run", steps=3, eval_every=1))
    losses = iter([2.0, 1.0, 3.0])
    trainer.evaluate = lambda: {"val_loss": next(losses), "val_bpb": 1.0}  # type: ignore[method-assign]
    result = trainer.fit()
    assert (result.val_loss, load_checkpoint(tmp_path / "run").training["step"]) == (1.0, 2)


def test_bits_per_byte_are_the_nats_of_the_words_over_their_bytes(chat_file: Path) -> None:
    trainer = prepare(config(chat_file, eval_batches=1000), save=False)
    vocab = trainer.tokenizer.vocab_size
    with torch.no_grad():
        trainer.learner.model.embedding.weight.zero_()  # every token equally likely
    measured = trainer.evaluate()
    assert measured["val_loss"] == pytest.approx(math.log(vocab), rel=1e-4)
    held_out = trainer.held_out
    words = [int(index) for index, part in zip(held_out.ids, held_out.parts, strict=True) if part != 0]
    text_tokens = [index for index in words if index not in trainer.tokenizer.special_ids]
    octets = sum(len(trainer.tokenizer.token_bytes(index)) for index in text_tokens)
    assert measured["val_bpb"] == pytest.approx(len(text_tokens) * math.log2(vocab) / octets, rel=1e-3)


def test_accumulated_batches_equal_one_large_batch(chat_file: Path) -> None:
    def weights_after(batch_size: int, accumulation: int) -> torch.Tensor:
        trainer = prepare(config(chat_file, batch_size=8, precision="fp32"), save=False)
        whole = trainer._batch(0, 0)
        size = batch_size
        parts = [
            type(whole)(whole.inputs[i : i + size], whole.targets[i : i + size], whole.parts[i : i + size])
            for i in range(0, 8, size)
        ]
        trainer.config = trainer.config.changed(accumulation=accumulation)
        trainer._batch = lambda index, rank: parts[index]  # type: ignore[method-assign]
        trainer.learn(1e-2)
        return trainer.learner.model.embedding.weight.detach().clone()

    torch.testing.assert_close(weights_after(2, 4), weights_after(8, 1), atol=1e-5, rtol=1e-4)


def test_gradients_are_clipped(chat_file: Path) -> None:
    def moved(clip: float) -> float:
        trainer = prepare(config(chat_file, clip=clip, precision="fp32"), save=False)
        weight = trainer.learner.model.embedding.weight
        norms = []
        trainer.learner.optimizer.zero_grad = lambda: norms.append(weight.grad.norm().item())  # type: ignore
        norm = trainer.learn(1e-3).norm
        assert norm > 0.1
        return norms[0]

    assert moved(0.01) <= 0.0101
    assert moved(0) > 0.05


def test_the_rate_rises_then_falls() -> None:
    schedule = Schedule(peak=1.0, floor=0.1, warmup=0.1, steps=100)
    rates = [schedule.rate(schedule.progress(step, 0)) for step in range(101)]
    assert rates[0] < rates[5] < rates[10] == pytest.approx(1.0)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0.1)


def test_a_line_falls_evenly_and_wsd_falls_late() -> None:
    line = Schedule(peak=1.0, floor=0.0, warmup=0.1, steps=100, shape="linear")
    assert [line.rate(share) for share in (0.1, 0.55, 1.0)] == pytest.approx([1.0, 0.5, 0.0])
    late = Schedule(peak=1.0, floor=0.2, warmup=0.1, steps=100, shape="wsd", decay=0.4)
    assert [late.rate(share) for share in (0.05, 0.1, 0.3, 0.6, 0.8, 1.0)] == pytest.approx([0.5, 1.0, 1.0, 1.0, 0.6, 0.2])
    # a decay that would begin in the warmup waits for its end
    assert Schedule(peak=1.0, floor=0.0, warmup=0.5, steps=10, shape="wsd", decay=1.0).rate(0.75) == pytest.approx(0.5)


def test_a_run_without_progress_ends_when_patience_does(chat_file: Path, tmp_path: Path) -> None:
    settings = config(chat_file, out=tmp_path / "run", steps=50, eval_every=1, patience=3)
    trainer = prepare(settings)
    losses = iter([3.0, 2.0, 2.5, 2.1, 2.2, 1.0])
    trainer.evaluate = lambda: {"val_loss": next(losses), "val_bpb": 1.0}  # type: ignore[method-assign]
    result = trainer.fit()
    assert (result.step, result.val_loss) == (5, 2.0)
    # a resumed run waits for as long again
    again = prepare(settings.changed(steps=100), resume=True)
    again.evaluate = lambda: {"val_loss": 9.0, "val_bpb": 1.0}  # type: ignore[method-assign]
    assert again.fit().step == 8


def test_time_ends_a_run_and_its_schedule() -> None:
    schedule = Schedule(peak=1.0, floor=0.1, warmup=0.1, seconds=60)
    assert schedule.progress(10_000, 30) == 0.5
    assert schedule.progress(1, 61) == 1.0
    both = Schedule(peak=1.0, floor=0.1, warmup=0.1, steps=100, seconds=60)
    assert both.progress(90, 30) == 0.9


def test_a_run_by_time_stops_by_itself(chat_file: Path) -> None:
    result = prepare(config(chat_file, time=1.0), save=False).fit()
    assert result.step >= 1
    assert result.interrupted is None


@pytest.mark.parametrize(("settings", "steps"), [({"steps": 7}, 7), ({"epochs": 2.0}, None), ({}, None)])
def test_the_length_of_a_run(chat_file: Path, settings: dict[str, Any], steps: int | None) -> None:
    trainer = prepare(config(chat_file, **settings), save=False)
    epochs = settings.get("epochs", 10.0)
    expected = steps or math.ceil(epochs * trainer.train.tokens / (4 * 32))
    assert trainer.schedule.steps == expected


def interrupt_at(trainer: Trainer, step: int) -> None:
    learn = trainer.learn

    def learn_and_interrupt(rate: float) -> float:
        if trainer.clock.step == step - 1:
            signal.raise_signal(signal.SIGINT)
        return learn(rate)

    trainer.learn = learn_and_interrupt  # type: ignore[method-assign]


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_every_weight_is_trained_by_one_optimizer(chat_file: Path, optimizer: str) -> None:
    trainer = prepare(config(chat_file, optimizer=optimizer, tied=False), save=False)
    groups = [group for part in trainer.learner.optimizer.parts for group in part.param_groups]
    held = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(held) == sorted(id(parameter) for parameter in trainer.learner.model.parameters())
    before = {name: parameter.detach().clone() for name, parameter in trainer.learner.model.named_parameters()}
    for _ in range(2):
        trainer.learn(1e-3)
    assert not [name for name, parameter in trainer.learner.model.named_parameters() if torch.equal(parameter, before[name])]
    trainer.learner.optimizer.set_rate(0.5)
    assert [group["lr"] for group in groups] == [0.5 * group["share"] for group in groups]


def test_a_run_is_not_overwritten_unless_forced(chat_file: Path, tmp_path: Path) -> None:
    settings = config(chat_file, out=tmp_path / "run", steps=1)
    prepare(settings).fit()
    before = (tmp_path / "run" / "best.pt").read_bytes()
    with pytest.raises(OutputError, match="--force"):
        prepare(settings)
    assert (tmp_path / "run" / "best.pt").read_bytes() == before
    prepare(settings, force=True).fit()
    assert len(metrics(tmp_path / "run")) == 1


def test_a_name_is_made_of_data_shape_and_time(chat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = prepare(config(chat_file, steps=1)).fit()
    assert result.folder is not None
    assert result.folder.parts[0] == "runs"
    assert result.folder.name.startswith("conv-l1-d32-c32-20")


def test_nothing_is_written_when_nothing_is_to_be_saved(
    chat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(config(chat_file, steps=1), save=False).fit()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"heads": 3}, "must divide"),
        ({"layers": 0}, "layers must be"),
        ({"preset": "huge"}, "preset must be one of default, nano"),
        ({"size": "huge"}, "size must be one of nano"),
        ({"tokenizer": "none.json"}, "no tokenizer file"),
        ({"vocab_size": 10}, "too small"),
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"batch_size": 0}, "batch-size"),
        ({"lr": -1}, "lr must be"),
        ({"val_fraction": 1.5}, "val-fraction"),
        ({"setps": 3}, "did you mean 'steps'"),
    ],
)
def test_wrong_settings_are_told(chat_file: Path, settings: dict[str, Any], says: str) -> None:
    with pytest.raises(PicochatError) as error:
        prepare(config(chat_file, **settings), save=False)
    assert says in str(error.value)


def test_training_works_off_the_main_thread(chat_file: Path) -> None:
    results = []
    thread = threading.Thread(target=lambda: results.append(prepare(config(chat_file, steps=2), save=False).fit()))
    thread.start()
    thread.join(120)
    assert results[0].step == 2


@pytest.mark.parametrize("kind", ["bpe", "char", "word"])
def test_every_tokenizer_trains(plain_file: Path, kind: str) -> None:
    result = prepare(config(plain_file, tokenizer=kind, steps=5), save=False).fit()
    assert math.isfinite(result.val_loss)


def test_a_tokenizer_can_be_given(chat_file: Path, chat_model: Path, tmp_path: Path) -> None:
    tokenizer = load_checkpoint(chat_model).tokenizer
    (tmp_path / "tokenizer.json").write_text(tokenizer.to_json(), encoding="utf-8")
    trainer = prepare(config(chat_file, tokenizer=str(tmp_path / "tokenizer.json")), save=False)
    assert trainer.tokenizer.digest() == tokenizer.digest()


def test_bf16_trains_too(chat_file: Path) -> None:
    result = prepare(config(chat_file, precision="bf16", steps=20), save=False).fit()
    assert result.val_loss < 5


def test_a_tiny_context_trains(chat_file: Path) -> None:
    assert prepare(config(chat_file, context=8, steps=2), save=False).fit().step == 2


def test_settings_survive_their_file(chat_file: Path, tmp_path: Path) -> None:
    settings = config(chat_file, out=tmp_path / "run", steps=1)
    run = prepare(settings).run
    assert run is not None
    assert run.read_config() == settings
    (tmp_path / "run" / "config.yaml").write_text("data: [", encoding="utf-8")
    with pytest.raises(CheckpointError):
        run.read_config()
    (tmp_path / "run" / "config.yaml").write_text("data: x\nlayer: 3", encoding="utf-8")
    with pytest.raises(ConfigError, match="did you mean 'layers'"):
        run.read_config()


def test_the_clock_counts_evaluations_too(chat_file: Path) -> None:
    trainer = prepare(config(chat_file, steps=2, eval_every=1), save=False)
    evaluate = trainer.evaluate

    def slow() -> dict[str, float]:
        time.sleep(0.2)
        return evaluate()

    trainer.evaluate = slow  # type: ignore[method-assign]
    trainer.fit()
    assert trainer.clock.elapsed > 0.4


def test_a_bad_step_is_skipped_and_counted(chat_file: Path, tmp_path: Path) -> None:
    trainer = prepare(config(chat_file, out=tmp_path / "run", steps=12, eval_every=12))
    good = trainer.learner._hidden

    def bad_at_times(ids: torch.Tensor) -> torch.Tensor:
        return good(ids) * (float("nan") if trainer.clock.step in (3, 4, 8) else 1.0)

    trainer.learner._hidden = bad_at_times
    result = trainer.fit()
    assert result.step == 12
    lines = metrics(tmp_path / "run")
    assert [line["step"] for line in lines if "skipped" in line] == [4, 5, 9]
    assert [line["skipped"] for line in lines if "skipped" in line] == [1, 2, 3]
    assert all(("loss" in line) != ("skipped" in line) for line in lines)


def test_a_loss_that_is_no_number_stops_with_advice(chat_file: Path, tmp_path: Path) -> None:
    trainer = prepare(config(chat_file, out=tmp_path / "run", steps=50, eval_every=2))
    good = trainer.learner._hidden
    trainer.learner._hidden = lambda ids: good(ids) * (float("nan") if trainer.clock.step >= 5 else 1.0)
    with pytest.raises(TrainingError, match=r"since step 6; .*lower --lr .*best.pt"):
        trainer.fit()
    # what was saved before is still good
    assert load_checkpoint(tmp_path / "run").training["step"] <= 6
    assert prepare(config(chat_file, out=tmp_path / "run", steps=50), resume=True).fit().step == 50


def test_a_full_disk_is_told(chat_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing file data/0")

    trainer = prepare(config(chat_file, out=tmp_path / "run", steps=1))
    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OutputError, match="No space left"):
        trainer.fit()
    assert not (tmp_path / "run" / "best.pt").exists()
