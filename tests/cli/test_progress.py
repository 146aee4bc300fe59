from __future__ import annotations

from typing import Any

import pytest

from picochat.cli.progress import TrainingProgress, describe

STEP: dict[str, Any] = {
    "step": 5, "steps": 10, "loss": 2.5, "tokens_per_second": 1234.0, "progress": 0.5, "evaluated": False,
}  # fmt: skip


def test_a_step_that_was_skipped_has_no_loss() -> None:
    skipped = {name: value for name, value in STEP.items() if name != "loss"} | {"skipped": 3}
    assert describe(skipped) == "step 5/10, skipped (3 in all), 1,234 tok/s"
    assert describe(STEP) == "step 5/10, loss 2.500, 1,234 tok/s"


def test_what_the_model_writes_is_shown_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with TrainingProgress() as progress:
        progress.progress(
            {**STEP, "evaluated": True, "val_loss": 2.0, "val_bpb": 1.0, "sample": "One\n\x1b[31mtwo " + "x" * 500}
        )
    out, err = capsys.readouterr()
    assert not out
    shown = err.splitlines()[-1]
    assert shown.startswith("  writes: One ")
    assert "\x1b" not in err
    assert shown.endswith("x...")
    assert len(shown) < 200
