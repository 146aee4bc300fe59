from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.errors import DataError, OutputError
from picochat.training.curve import BLUE, VERMILLION, draw_curve, smooth
from tests.training.loggers.logged import train_logged


def put(folder: Path, records: list[dict[str, Any]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def run(steps: int, every: int = 10) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    for step in range(1, steps + 1):
        loss = 1 + 5 * math.exp(-step / 20)
        found = {"val_loss": loss + 0.1, "val_bpb": 1.0} if step % every == 0 else {}
        records.append({"step": step, "tokens": 100 * step, "loss": loss, **found})
    return records


def pixels(path: Path, colour: str) -> list[tuple[int, int]]:
    """Where a picture has that colour, as columns and rows."""
    from PIL import Image

    picture = np.asarray(Image.open(path).convert("RGB")).astype(int)
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    rows, columns = np.nonzero((np.abs(picture - wanted) <= 2).all(axis=2))
    return list(zip(columns.tolist(), rows.tolist(), strict=True))


def test_both_losses_fall_across_the_picture(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train_logged(chat_file, out, steps=40, eval_every=8)
    for colour in (BLUE, VERMILLION):
        found = sorted(pixels(out / "loss.png", colour))
        # the legend is in the upper right corner
        line = [(x, y) for x, y in found if y > 220]
        assert line[0][1] < line[-1][1]
        assert line[-1][0] - line[0][0] > 500


@pytest.mark.parametrize("name", ["$x_1$ \\frac", "\u4f60\u597d", "\x1b[31m"])
def test_any_name_is_a_title(name: str, tmp_path: Path) -> None:
    assert draw_curve(put(tmp_path / name, run(20))) == tmp_path / name / "loss.png"


def test_the_best_is_marked_where_it_is(tmp_path: Path) -> None:
    records = run(100)
    records[49]["val_loss"] = 0.5
    early = pixels(draw_curve(put(tmp_path / "early", records)), VERMILLION)
    # nothing is lower than the best one, and it is in the middle
    x, _ = max(early, key=lambda place: place[1])
    assert abs(x - 1170 / 2) < 60


@pytest.mark.parametrize(
    "records",
    [
        run(2, every=99),
        run(30, every=99),
        run(300, every=1),
        [{**record, "loss": math.nan} for record in run(30)],
        [{**record, "val_loss": math.inf} for record in run(30)],
        [{**record, "loss": 0.0} for record in run(30)],
        [{**record, "tokens": 0} for record in run(30)],
        [{"step": record["step"], "loss": record["loss"]} for record in run(30)],
        [*run(30), *run(60)[20:]],
    ],
    ids=["two", "no evaluation", "all", "no number", "infinite", "nought", "no tokens", "no field", "resumed"],
)
def test_what_a_run_may_have_written(records: list[dict[str, Any]], tmp_path: Path) -> None:
    picture = draw_curve(put(tmp_path / "run", records)).read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert [path.name for path in (tmp_path / "run").iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("records", [[], run(1)])
def test_too_little_to_draw(records: list[dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no two steps"):
        draw_curve(put(tmp_path / "run", records))
    with pytest.raises(DataError, match="no two steps"):
        draw_curve(tmp_path / "none")


def test_a_run_of_one_step_says_nothing_of_it(chat_file: Path, tmp_path: Path) -> None:
    notes = train_logged(chat_file, tmp_path / "run", steps=1)
    assert not (tmp_path / "run" / "loss.png").exists()
    assert [note for note in notes if "loss.png" in note] == []


def test_a_picture_that_cannot_be_written_is_told(chat_file: Path, tmp_path: Path) -> None:
    out = put(tmp_path / "run", run(20))
    (out / "loss.png" / "taken").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"loss\.png can't be written"):
        draw_curve(out)


losses = st.lists(st.floats(0, 100) | st.just(math.nan) | st.just(math.inf), min_size=1, max_size=60)


@given(losses, st.integers(1, 80))
def test_smoothing_stays_among_the_values_and_keeps_their_number(values: list[float], window: int) -> None:
    smoothed = smooth(values, window)
    assert len(smoothed) == len(values)
    finite = [value for value in values if math.isfinite(value)]
    for value in smoothed[np.isfinite(smoothed)]:
        assert min(finite) - 1e-9 <= value <= max(finite) + 1e-9
    if window == 1:
        assert np.allclose(smoothed, np.where(np.isfinite(values), values, np.nan), equal_nan=True)


def test_smoothing_takes_out_noise_and_no_height() -> None:
    straight = [10 - index / 100 for index in range(1000)]
    noisy = [value + (-1) ** index for index, value in enumerate(straight)]
    middle = slice(60, 900)
    assert np.abs(smooth(noisy, 30) - straight)[middle].max() < 0.1
    assert smooth(straight, 30)[0] == 10
