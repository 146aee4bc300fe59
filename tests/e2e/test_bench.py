from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from picochat.benchmark import run
from picochat.benchmark.processes import FailedError
from tests.e2e import inside

KEYS = {
    *("program", "runtime", "precision", "threads", "context", "prefill_tokens_per_second", "decode_tokens_per_second"),
    *("best_decode_tokens_per_second", "first_token_seconds", "gigabytes_per_second", "share_of_memory_rate"),
    *("peak_memory_bytes", "bits_per_byte", "bits_per_byte_change_percent", "rounds"),
}


class Fake:
    """Answers in place of processes, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.fail: set[tuple[str, str]] = set()
        self.interrupt_at = 10**6

    def __call__(self, do: str, **task: Any) -> dict[str, Any]:
        self.asked.append((do, task.get("program", ""), task.get("precision", "")))
        if (do, task.get("precision")) in self.fail:
            raise FailedError("it fell over")
        turns = [name for name, *_ in self.asked].count("write")
        if turns == self.interrupt_at:
            raise KeyboardInterrupt
        seconds = {"first": 0.5, "rest": (task.get("tokens", 2) - 1) / (10 * turns or 1)}
        return {
            "prepare": {},
            "loss": {"bits_per_byte": 2.0 if task.get("precision") == "reference" else 2.2},
            "memory": {"bytes_per_second": 1e9},
            "write": {**seconds, "peak_memory_bytes": 1000, "runtime": "Fake", "ids": [1]},
        }[do]


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    answers = Fake()
    monkeypatch.setattr(run, "ask", answers)
    return answers


def test_a_real_model_beside_transformers(chat_model: Path, chat_file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["--precision", "fp32,int4", "--threads", "1", "--context", "8", "--tokens", 6, "--rounds", 1]
    more = ["--against", "transformers", "--data", chat_file, "-d", "cpu"]
    code, out, err = inside(capfd, "bench", "-m", chat_model, *arguments, *more)
    assert code == 0, err
    table, last = out.rstrip("\n").rsplit("\n", 1)
    found = json.loads(last)
    assert [(row["program"], row["runtime"], row["precision"]) for row in found["rows"]] == [
        ("picochat", "ONNX Runtime", "fp32"),
        ("transformers", "PyTorch", "fp32"),
        ("picochat", "ONNX Runtime", "int4"),
    ]
    for row in found["rows"]:
        assert set(row) == KEYS
        assert (row["threads"], row["context"], row["rounds"]) == (1, 8, 1)
        assert row["decode_tokens_per_second"] > 0
        assert row["prefill_tokens_per_second"] == pytest.approx(8 / row["first_token_seconds"], rel=0.01)
    exact, peer, packed = found["rows"]
    assert exact["bits_per_byte"] == pytest.approx(found["reference_bits_per_byte"], rel=1e-4)
    assert packed["bits_per_byte"] != exact["bits_per_byte"]
    assert peer["bits_per_byte"] is None
    assert found["machine"]["memory_gigabytes_per_second"]["1"] > 0
    assert any(text.startswith("transformers ") for text in found["machine"]["versions"])
    assert (found["finished"], found["notes"]) == (True, [])
    assert table.count("\npicochat, ONNX Runtime") == 2
    assert "\x1b" not in out


def test_cells_take_turns(fake: Fake, chat_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    wishes = ["--precision", "fp32,int8", "--threads", "1", "--rounds", 3]
    code, out, err = inside(capfd, "bench", "-m", chat_model, *wishes, "-d", "cpu", "--json")
    assert (code, err) == (0, "")
    assert out.count("\n") == 1
    assert [precision for do, _, precision in fake.asked if do == "write"] == ["fp32", "int8"] * 3
    assert [do for do, *_ in fake.asked].count("memory") == 3
    first, second = json.loads(out)["rows"]
    # the rates were 10, 30, 50 and 20, 40, 60
    assert (first["decode_tokens_per_second"], first["best_decode_tokens_per_second"]) == (30, 50)
    assert (second["decode_tokens_per_second"], second["best_decode_tokens_per_second"]) == (40, 60)
    assert second["bits_per_byte_change_percent"] == 10.0


def test_what_fails_is_left_out_with_a_note(fake: Fake, chat_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake.fail = {("prepare", "int4"), ("write", "int8"), ("loss", "bf16")}
    code, out, err = inside(capfd, "bench", "-m", chat_model, "--threads", "1", "--rounds", 2, "-d", "cpu")
    assert code == 0
    found = json.loads(out.rstrip("\n").rsplit("\n", 1)[1])
    assert [row["precision"] for row in found["rows"]] == ["fp32", "bf16"]
    assert [row["bits_per_byte"] for row in found["rows"]] == [2.2, None]
    assert [do for do, _, precision in fake.asked if precision == "int8"].count("write") == 1
    assert "note: picochat int4 is left out: it fell over\n" in err
    assert "note: no loss of bf16: it fell over\n" in err
    assert "note: picochat int8 with --threads 1 --context 64 fails: it fell over\n" in err


def test_where_nothing_works_that_is_an_error(fake: Fake, chat_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake.fail = {("prepare", "int4")}
    code, out, err = inside(capfd, "bench", "-m", chat_model, "--precision", "int4", "-d", "cpu")
    assert (code, out) == (2, "")
    assert err == "picochat: Nothing could be measured: picochat int4 is left out: it fell over.\n"


def test_ctrl_c_prints_what_there_is(fake: Fake, chat_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fake.interrupt_at = 4
    wishes = ["--precision", "fp32,int8", "--threads", "1", "--rounds", 3]
    code, out, err = inside(capfd, "bench", "-m", chat_model, *wishes, "-d", "cpu")
    assert code == 130
    found = json.loads(out.rstrip("\n").rsplit("\n", 1)[1])
    assert [row["rounds"] for row in found["rows"]] == [2, 1]
    assert found["finished"] is False
    assert "note: interrupted" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--precision", "int3"], "no precision 'int3'"),
        (["--precision", ""], "no precision ''"),
        (["--threads", "0"], "--threads 0 is out of bounds"),
        (["--threads", "500"], "--threads 500 is out of bounds"),
        (["--threads", "1,two"], "--threads takes whole numbers"),
        (["--context", "0"], "--context 0 is out of bounds"),
        (["--context", "10000"], "exceeds the window of 128"),
        (["--tokens", "1"], "--tokens"),
        (["--rounds", "0"], "--rounds"),
        (["--against", "ollama"], "no program 'ollama'"),
        (["--device", "tpu"], "no device 'tpu'"),
        (["--data", "none.txt"], "no data file none.txt"),
        (["-m", "none.pt"], "no model at none.pt"),
    ],
)
def test_wrong_wishes_get_one_sentence_and_code_2(
    arguments: list[str], says: str, chat_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, out, err = inside(capfd, "bench", "-m", chat_model, *arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert err.startswith("picochat: ")
    assert err.count("\n") == 1
