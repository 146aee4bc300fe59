from __future__ import annotations

import json
import math
import os
import tempfile
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.errors import DataError
from picochat.figures import clock, describe_status, figures
from picochat.metrics import LARGEST, Evaluation, RunHistory, RunLog, RunState, Series, downsample

NOW = 1_000_000.0


def record(step: int, **more: object) -> dict[str, object]:
    usual = {"seconds": step * 2.0, "tokens": step * 100, "loss": 5.0, "lr": 0.1, "tokens_per_second": 50.0}
    return {"step": step, **usual, **more}


def line(step: int, **more: object) -> str:
    return json.dumps(record(step, **more)) + "\n"


def history(*records: dict[str, object]) -> RunHistory:
    made = RunHistory()
    made.add(records)
    return made


def state(*records: dict[str, object], age: float = 1.0) -> RunState:
    return history(*records).state(NOW - age, NOW)


# -- following the file -------------------------------------------------------------------------------------------------


def test_a_run_that_does_not_exist_yet(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "later" / "run")
    assert log.poll() == []
    assert (log.modified, log.restarted, log.behind, log.broken) == (None, False, False, 0)
    log.path.parent.mkdir(parents=True)
    log.path.write_text(line(1))
    assert log.poll() == [record(1)]
    assert not log.restarted
    assert log.modified == log.path.stat().st_mtime


@given(
    st.lists(st.dictionaries(st.text(), st.none() | st.text() | st.integers()).map(lambda more: {**more, "step": 7})),
    st.lists(st.integers(0, 2000)),
    st.sampled_from(["\n", "\r\n", "\n\n"]),
    st.sampled_from([-1, 1, 7, 300]),
)
def test_any_split_into_writes_gives_the_same_records(
    records: list[dict[str, object]], cuts: list[int], end: str, most: int
) -> None:
    data = "".join(json.dumps(item, ensure_ascii=False) + end for item in records).encode("utf-8", "surrogatepass")
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    with tempfile.TemporaryDirectory() as folder:
        log, got = RunLog(Path(folder)), []
        for begin, stop in pairwise(bounds):
            with log.path.open("ab") as stream:
                stream.write(data[begin:stop])
            got += log.poll(most)
            assert not log.restarted
        while log.behind:
            got += log.poll(most)
    assert got == records
    assert log.broken == 0


def test_a_half_written_line_waits(tmp_path: Path) -> None:
    log, whole = RunLog(tmp_path), line(1).encode()
    log.path.write_bytes(whole[:20])
    assert log.poll() == []
    with log.path.open("ab") as stream:
        stream.write(whole[20:])
    assert log.poll() == [record(1)]
    assert log.poll() == []


@pytest.mark.parametrize(
    "bad",
    [
        b"not json", b'{"step": 1', b"\xff\xfe", b"[1]", b"3", b"null", b'{"a": 1}', b'{"step": "1"}', b'{"step": true}',
        b'{"step": -1}', b'{"step": 1.5}', b'{"step": 1' + b"0" * 5000 + b"}", b"[" * 100_000, b"\x00" * 99,
    ],
    ids=lambda bad: repr(bad[:12]),
)  # fmt: skip
def test_broken_lines_are_skipped_and_counted(tmp_path: Path, bad: bytes) -> None:
    log = RunLog(tmp_path)
    log.path.write_bytes(line(1).encode() + bad + b"\n\n" + line(2).encode())
    assert [item["step"] for item in log.poll()] == [1, 2]
    assert log.broken == 1


@pytest.mark.parametrize("again", [1, 3, 9], ids=["shorter", "as long", "longer"])
def test_a_run_that_is_started_again_is_read_from_its_beginning(tmp_path: Path, again: int) -> None:
    log = RunLog(tmp_path)
    log.path.write_text("".join(line(step) for step in (1, 2, 3)) + "broken\n")
    log.poll()
    assert log.broken == 1
    log.path.write_text("".join(line(step, loss=4.0) for step in range(1, again + 1)))
    assert [item["loss"] for item in log.poll()] == [4.0] * again
    assert log.restarted
    assert log.broken == 0
    log.poll()
    assert not log.restarted


def put_in_place(log: RunLog, text: str) -> None:
    """As a resumed run does with the lines that it does again."""
    other = log.path.with_suffix(".new")
    other.write_text(text)
    other.replace(log.path)


def test_a_resumed_run_that_outgrew_the_lines_it_dropped_is_read_anew(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    before = "".join(line(step) for step in range(1, 20))
    log.path.write_text(before + line(20, loss=9.0))
    log.poll()
    put_in_place(log, before + "".join(line(step, loss=1.0) for step in range(20, 60)))
    records = log.poll()
    assert log.restarted
    assert [record["step"] for record in records] == list(range(1, 60))
    assert records[19]["loss"] == 1.0
    assert log.broken == 0
    assert log.poll() == []
    assert not log.restarted


def test_a_copy_that_only_grew_is_read_on(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    text = "".join(line(step) for step in range(1, 20))
    log.path.write_text(text)
    log.poll()
    put_in_place(log, text + line(20))
    assert log.poll() == [record(20)]
    assert not log.restarted


def test_a_run_that_is_removed_is_waited_for_again(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.path.write_text(line(1))
    log.poll()
    log.path.unlink()
    assert log.poll() == []
    assert log.restarted
    assert log.modified is None
    log.path.write_text(line(1))
    assert log.poll() == [record(1)]
    assert not log.restarted


def test_a_hundred_thousand_lines(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    log.path.write_text("".join(line(step) for step in range(100_000)))
    records = log.poll(1 << 20)
    assert log.behind
    while log.behind:
        records += log.poll(1 << 20)
    assert [item["step"] for item in records] == list(range(100_000))
    assert history(*records).state(NOW, NOW).step == 99_999


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(DataError, match="can't be read"):
        RunLog(tmp_path).poll()
    (tmp_path / "file").write_text("")
    assert RunLog(tmp_path / "file").poll() == []


@pytest.mark.skipif(not hasattr(os, "mkfifo") or os.name == "nt", reason="POSIX")
def test_the_writer_may_hold_the_file_open(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    with log.path.open("a", encoding="utf-8") as stream:
        for step in range(3):
            stream.write(line(step))
            stream.flush()
            assert [item["step"] for item in log.poll()] == [step]


# -- what the records add up to -----------------------------------------------------------------------------------------


def test_nothing_yet_is_waiting() -> None:
    assert RunHistory().state(None, NOW) == RunState()
    assert RunState().alive
    assert all(value == "-" for _, value in figures(RunState()))
    assert describe_status(RunState()) == "waiting for the run"


def test_the_figures_of_a_run() -> None:
    evaluations = {10: 3.0, 20: 2.0, 30: 2.5}
    records = [
        record(step, loss=9.0 - step / 10, steps=40, tokens_per_second=step * 1.0)
        | ({"val_loss": evaluations[step], "val_bpb": evaluations[step] / 2} if step in evaluations else {})
        for step in range(1, 31)
    ]
    now = state(*records)
    assert (now.status, now.step, now.steps, now.progress) == ("training", 30, 40, 0.75)
    assert (now.val_loss, now.best_val_loss, now.best_val_bpb, now.best_step) == (2.5, 2.0, 1.0, 20)
    assert now.tokens_per_second == 20.5  # the median of 11 to 30
    assert (now.tokens, now.seconds, now.seconds_left) == (3000, 60.0, 20.0)
    assert now.loss is not None
    assert 6.0 < now.loss < 7.5
    shown = dict(figures(now))
    assert shown["step"] == "30 of 40"
    assert shown["best"] == "2.000, step 20"
    assert (shown["elapsed"], shown["left"]) == ("1:00", "0:20")


@pytest.mark.parametrize(
    ("more", "age", "status"),
    [
        ({}, 29, "training"),
        ({}, 31, "silent"),
        ({"steps": 40}, 31, "stopped"),
        ({"steps": 30}, 1, "finished"),
        ({"progress": 0.5}, 1, "training"),
        ({"progress": 1.0, "steps": 99}, 1, "finished"),
        ({"steps": 0}, 31, "silent"),
    ],
)
def test_how_a_run_looks_after_a_silence(more: dict[str, object], age: float, status: str) -> None:
    now = state(*(record(step, **more) for step in range(1, 31)), age=age)
    assert now.status == status
    assert now.alive == (status == "training")


@pytest.mark.parametrize(
    ("running", "more", "age", "status"),
    [
        (True, {}, 9999.0, "training"),
        (True, {"steps": 2}, 1.0, "training"),
        (False, {}, 1.0, "stopped"),
        (False, {"steps": 9}, 1.0, "stopped"),
        (False, {"steps": 2}, 1.0, "finished"),
        (None, {}, 1.0, "training"),
    ],
)
def test_where_the_process_is_known_no_silence_needs_to_tell(
    running: bool | None, more: dict[str, object], age: float, status: str
) -> None:
    made = history(record(1, **more), record(2, **more))
    assert made.state(NOW - age, NOW, running).status == status
    assert RunHistory().state(None, NOW, running).status == "waiting"


def test_slow_steps_are_waited_for() -> None:
    slow = [record(step, seconds=step * 60.0) for step in range(1, 5)]
    assert state(*slow, age=590).status == "training"
    assert state(*slow, age=610).status == "silent"
    assert state(record(1), age=29).status == "training"


def test_a_clock_that_runs_behind_the_files() -> None:
    assert state(record(1), age=-100).silence == 0


def test_a_loss_that_is_no_number_is_shown_and_does_not_stay() -> None:
    assert math.isnan(state(record(1), record(2, loss=math.nan)).loss or 0)
    assert state(record(1), record(2, loss=math.nan), record(3)).loss == pytest.approx(5.0)
    assert state(record(1), record(2, loss=10**400)).loss == math.inf
    assert dict(figures(state(record(1, loss=math.nan))))["loss"] == "nan"
    found = state(record(1, val_loss=math.nan), record(2, val_loss=3.0), record(3, val_loss=math.inf))
    assert (found.best_step, found.best_val_loss, found.best_val_bpb) == (2, 3.0, None)


@pytest.mark.parametrize("value", ["x", None, True, [], {}])
@pytest.mark.parametrize("name", ["loss", "lr", "tokens", "seconds", "tokens_per_second", "val_loss", "steps", "sample"])
def test_fields_of_a_wrong_kind_are_as_good_as_missing(name: str, value: object) -> None:
    made = history(record(1) | {name: value}, {"step": 2})
    now = made.state(NOW, NOW)
    assert now.step == 2
    assert len(figures(now)) == 10


def test_a_resumed_run_goes_over_its_last_steps_again() -> None:
    made = RunHistory()
    made.add([record(step, loss=1.0) for step in range(1, 11)] + [record(11, loss=1.0, val_loss=1.0)])
    made.add([record(8, loss=2.0)])
    assert made.losses.steps == [1, 2, 3, 4, 5, 6, 7, 8]
    assert made.losses.last == 2.0
    assert made.evaluations == []
    assert made.state(NOW, NOW).loss == pytest.approx(1.1)


def test_evaluations_are_handed_out_with_their_samples() -> None:
    found = RunHistory().add(
        [record(1), record(2, val_loss=3.0, val_bpb=1.5, sample="Hi"), record(3, val_loss=2.0, sample=4)]
    )
    assert found == [Evaluation(2, 3.0, 1.5, "Hi"), Evaluation(3, 2.0, None, None)]


@given(st.lists(st.tuples(st.integers(0, 30), st.floats())))
def test_a_series_ascends_whatever_comes(pairs: list[tuple[int, float]]) -> None:
    series = Series()
    for step, value in pairs:
        series.add(step, value)
        assert series.steps[-1] == step
    assert series.steps == sorted(set(series.steps))
    assert len(series.steps) == len(series.values)


# -- curves -------------------------------------------------------------------------------------------------------------


def test_a_curve_is_cut_into_stretches() -> None:
    assert downsample([0, 1, 2, 3], [1.0, 3.0, 5.0, 7.0], 2) == [2.0, 6.0]
    assert downsample([0, 9], [1.0, 3.0], 3) == [1.0, None, 3.0]
    assert downsample([5], [1.0], 3) == [1.0, None, None]
    assert downsample([], [], 2) == [None, None]
    assert downsample([1, 2], [1.0, 2.0], 0) == []
    assert downsample([4, 5], [1.0, 2.0], 2, (0, 10)) == [1.0, 2.0]
    assert downsample([0, 1, 2, 3], [1.0, math.nan, math.inf, -math.inf], 2) == [1.0, None]


@given(st.lists(st.floats()), st.integers(1, 50))
def test_stretches_hold_all_that_is_finite_and_nothing_else(values: list[float], width: int) -> None:
    means = downsample(range(len(values)), values, width)
    assert len(means) == width
    finite = [value for value in values if abs(value) <= LARGEST]
    for mean in means:
        assert mean is None or (math.isfinite(mean) and finite)


@given(st.lists(st.integers(-1000, 1000), min_size=1), st.integers(1, 50))
def test_no_value_is_lost_between_stretches(values: list[int], width: int) -> None:
    low, high = min(values), max(values)
    means = [mean for mean in downsample(range(len(values)), values, width) if mean is not None]
    assert means
    assert low <= min(means) <= max(means) <= high
    if width >= 2 * len(values):
        assert means == values


def test_times_in_words() -> None:
    assert [clock(seconds) for seconds in (None, math.nan, -1, 0, 61.9, 3600, 360_000)] == [
        "-", "-", "-", "0:00", "1:01", "1:00:00", "100:00:00",
    ]  # fmt: skip
