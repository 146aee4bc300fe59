from __future__ import annotations

import pytest
import typer

from picochat.cli.train import _words, app

COMMAND = typer.main.get_command(app)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--data", "a b.txt", "--untied", "--sample-prompt", "", "--steps", "5"],
        ["--log", "wandb", "--log", "mlflow", "--no-checkpointing", "--no-save", "-d", "cpu"],
        ["--resume"],
        ["--resume", "--steps", "3", "--force"],
        ["--resume", "runs/a", "--config", "x.yaml", "--time", "1h30m", "--lr=-1"],
    ],
)
def test_the_options_typed_again_are_the_same(arguments: list[str]) -> None:
    first = COMMAND.make_context("train", list(arguments))
    words = _words(first, without=())
    assert COMMAND.make_context("train", list(words)).params == first.params
    assert bool(words) == bool(arguments)


def test_what_is_left_out_is_not_typed_again() -> None:
    first = COMMAND.make_context("train", ["--resume", "--out", "a", "--watch", "--clip", "2"])
    assert _words(first, without=("out", "resume", "watch")) == ["--clip", "2"]
