from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from picochat.benchmark.plan import Plan, make_plan
from picochat.benchmark.programs import PROGRAMS, Program
from picochat.errors import ConfigError
from picochat.model.config import ModelConfig
from picochat.training import hardware

CONFIG = ModelConfig.create(preset="nano", context=256)


@pytest.fixture(autouse=True)
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "usable_cores", lambda: 4)


def plan_of(**wishes: Any) -> Plan:
    return make_plan(Path("model.pt"), CONFIG, **wishes)


def test_without_wishes_every_precision_with_one_and_all_threads() -> None:
    plan = plan_of()
    assert plan.precisions == ["fp32", "bf16", "int8", "int4"]
    assert plan.threads == [1, 4]
    assert {cell.context for cell in plan.cells} == {64}
    assert (plan.tokens, len(plan.cells), plan.notes) == (128, 8, ())


def test_a_small_window_is_halved_between_prompt_and_answer() -> None:
    plan = make_plan(Path("model.pt"), ModelConfig.create(preset="nano", context=32))
    assert {cell.context for cell in plan.cells} == {16}
    assert plan.tokens == 16


def test_a_gpu_computes_other_precisions_and_needs_no_counts_of_threads() -> None:
    plan = plan_of(device="cuda:1")
    assert plan.precisions == ["fp32", "bf16", "fp16"]
    assert plan.threads == [4]


def test_peers_stand_beside_the_same_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, program in PROGRAMS.items():
        monkeypatch.setitem(PROGRAMS, name, Program(program.module, "picochat", "p", program.bits, program.gpu))
    plan = plan_of(precisions=["int8", "fp32"], threads=[1], against=["llama.cpp", "transformers"])
    assert [(cell.program, cell.precision) for cell in plan.cells] == [
        ("picochat", "fp32"),
        ("llama.cpp", "fp32"),
        ("transformers", "fp32"),
        ("picochat", "int8"),
        ("llama.cpp", "int8"),
    ]
    assert plan_of(precisions=["int4"], against=["transformers"]).notes == (
        "transformers is left out: it is compared at fp32, bf16 only",
    )
    assert "on the CPU only" in plan_of(device="cuda", against=["llama.cpp"]).notes[0]
    # without a wish a peer runs at all that it knows, of which fp16 is none of ours here
    assert "fp16" in {cell.precision for cell in plan_of(against=["llama.cpp"]).cells}


def test_a_peer_that_is_not_installed_is_left_out_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROGRAMS, "llama.cpp", Program("llama_peer", "no_such_module", "no-such", {"fp32": 32}))
    plan = plan_of(against=["llama.cpp"])
    assert {cell.program for cell in plan.cells} == {"picochat"}
    assert plan.notes == ("llama.cpp is left out: it is not installed (`pip install no-such`)",)


def test_contexts_that_exceed_the_window_are_left_out_with_a_note() -> None:
    plan = plan_of(contexts=[64, 240, 64], tokens=32)
    assert {cell.context for cell in plan.cells} == {64}
    assert len(plan.cells) == 8
    assert plan.notes == ("context 240 is left out: with 32 tokens after it, it exceeds the window of 256",)
    assert {cell.context for cell in plan_of(contexts=[224], tokens=32).cells} == {224}


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"precisions": ["int3"]}, "There is no precision 'int3'"),
        ({"precisions": ["auto"]}, "There is no precision 'auto'"),
        ({"threads": [1, 5]}, "--threads 5 is out of bounds; this machine has 4 cores"),
        ({"threads": [0]}, "--threads 0 is out of bounds"),
        ({"contexts": [0]}, "--context 0 is out of bounds"),
        ({"contexts": [250], "tokens": 20}, "exceeds the window of 256; lower --context or --tokens"),
        ({"against": ["ollama"]}, "There is no program 'ollama'"),
        ({"against": ["picochat"]}, "There is no program 'picochat'"),
        ({"device": "cuda", "precisions": ["int8"]}, "runs on the CPU only"),
    ],
)
def test_wrong_wishes(wishes: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        plan_of(**wishes)
