from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training.loggers.logged import curve, train_logged
from tests.training.test_trainer import metrics

pytest.importorskip("tensorboard", reason="tensorboard is not installed")


def events(run: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(run / "tensorboard")).Reload()


def points(run: Path, name: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events(run).Scalars(name)]


def texts(run: Path, name: str) -> list[tuple[int, str]]:
    found = events(run).Tensors(f"{name}/text_summary")
    return [(event.step, event.tensor_proto.string_val[0].decode()) for event in found]


def test_it_holds_what_the_metrics_do(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "my run"
    notes = train_logged(chat_file, out, ["tensorboard"])
    for name in ("loss", "lr", "tokens", "tokens_per_second", "seconds", "val_loss", "val_bpb"):
        assert points(out, name) == [(step, pytest.approx(value, rel=1e-5)) for step, value in curve(out, name)]
    assert [step for step, _ in points(out, "val_loss")] == [3, 6]
    assert not {"step", "steps", "progress"} & set(events(out).Tags()["scalars"])
    # four spaces keep Markdown from reading a model's text as markup
    samples = [(step, text.replace("\n    ", "\n").removeprefix("    ")) for step, text in texts(out, "sample")]
    assert samples == [(line["step"], line["sample"]) for line in metrics(out) if "sample" in line]
    assert "    layers: 1\n" in texts(out, "config")[0][1]
    assert "    kind: chat\n" in texts(out, "facts")[0][1]
    assert f"TensorBoard shows the run with: tensorboard --logdir '{out}/tensorboard'" in notes


def test_a_resumed_run_goes_on_and_what_it_does_again_is_not_shown_twice(chat_file: Path, tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    out = tmp_path / "run"
    train_logged(chat_file, out, ["tensorboard"])
    # killed after steps that were not saved
    with SummaryWriter(str(out / "tensorboard")) as writer:
        for step in (7, 8, 9):
            writer.add_scalar("loss", 99.0, step)
    train_logged(chat_file, out, ["tensorboard"], more=2)
    assert points(out, "loss") == [(step, pytest.approx(loss, rel=1e-5)) for step, loss in curve(out, "loss")]
    assert [step for step, _ in points(out, "loss")] == list(range(1, 9))
