from __future__ import annotations

import json
from pathlib import Path

import pytest

from picochat.benchmark.plan import Cell, Plan
from picochat.benchmark.programs import OURS, PROGRAMS
from picochat.benchmark.report import Report, Sample
from picochat.benchmark.table import table
from picochat.inference.packs import PackStore, source_digest
from picochat.interop.onnx import Precision
from picochat.interop.source import read_any
from picochat.model.config import ModelConfig

CONFIG = ModelConfig.create(preset="nano")
FAST, PEER = Cell(OURS, "int8", 2, 64), Cell("llama.cpp", "int8", 2, 64)


def report_of(*cells: Cell) -> Report:
    plan = Plan(Path("model.pt"), CONFIG, "cpu", cells, tokens=32, rounds=3)
    return Report(plan, {"processor": "Abacus", "cores": 2, "versions": ["picochat 1"]})


def test_a_row_holds_medians_and_the_best() -> None:
    report = report_of(FAST, PEER)
    report.samples[FAST] = [Sample(0.5, 90, 1000, "R"), Sample(0.25, 100, 3000, "R"), Sample(1.0, 10, 2000, "R")]
    report.memory[2] = 1e9
    report.reference, report.losses = 2.0, {"int8": 2.01}
    (row,) = report.rows()
    read = 90 * PROGRAMS[OURS].step_bytes(CONFIG, "int8") / 1e9
    assert row == {
        "program": "picochat",
        "runtime": "R",
        "precision": "int8",
        "threads": 2,
        "context": 64,
        "first_token_seconds": 0.5,
        "prefill_tokens_per_second": 128.0,
        "decode_tokens_per_second": 90,
        "best_decode_tokens_per_second": 100,
        "gigabytes_per_second": pytest.approx(read, abs=1e-3),
        "share_of_memory_rate": pytest.approx(read, abs=1e-3),
        "peak_memory_bytes": 3000,
        "bits_per_byte": 2.01,
        "bits_per_byte_change_percent": 0.5,
        "rounds": 3,
    }
    assert json.loads(json.dumps(report.to_dict()))["rows"] == [row]


def test_what_is_not_known_is_none() -> None:
    report = report_of(PEER)
    report.samples[PEER] = [Sample(0.5, 90, None, "R")]
    (row,) = report.rows()
    assert [row[name] for name in ("share_of_memory_rate", "peak_memory_bytes", "bits_per_byte")] == [None] * 3


def test_the_table_is_aligned_and_leaves_out_columns_of_nothing() -> None:
    report = report_of(FAST, PEER)
    report.samples = {FAST: [Sample(0.5, 1234.5, 10**9, "Rune")], PEER: [Sample(0.25, 90, None, "R")]}
    lines = table(report).split("\n\n")[1].split("\n")
    assert [line.split("  ")[0] for line in lines] == ["program", "picochat, Rune", "llama.cpp"]
    assert "bits/byte" not in lines[0]
    for title, ours, theirs in (("decode tok/s", "1,234", "90"), ("first ms", "500.0", "250.0"), ("peak MB", "1,000", "")):
        end = lines[0].index(title) + len(title)
        assert lines[1][:end].endswith(f" {ours}")
        assert lines[2][:end].rstrip().endswith(theirs)
    report.memory = {1: 26e9, 2: 39e9}
    report.losses, report.reference = {"int8": 2.5}, 2.0
    assert "memory: 26.0 GB/s with 1 thread, 39.0 GB/s with 2 threads" in table(report)
    assert "2.5000" in table(report)
    assert "+25.00" in table(report)
    assert table(report_of(FAST)).startswith("model.pt: ")


@pytest.mark.parametrize("precision", ["fp32", "int8", "int4"])
def test_the_bytes_of_a_step_are_those_of_the_pack_without_its_tables(
    precision: Precision, chat_model: Path, tmp_path: Path
) -> None:
    checkpoint = read_any(chat_model)
    config = checkpoint.config
    pack = PackStore(tmp_path).make(source_digest(chat_model, tmp_path), precision, checkpoint)
    # the embedding is of the file's own type; cosines and sines
    tables = checkpoint.weights["embedding.weight"].nbytes + config.context * config.head_dim * 4
    assert PROGRAMS[OURS].step_bytes(config, precision) == pytest.approx(
        pack.bytes - tables, rel=0.05
    )  # small tensors lie elsewhere, blocks are filled up
