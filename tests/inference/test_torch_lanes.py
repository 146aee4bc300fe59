"""Sequences side by side compute what each computes alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from picochat.errors import ContextOverflowError
from picochat.inference.backend import ModelInfo
from picochat.inference.torch_backend import TorchBackend
from picochat.model.config import ARCHITECTURES, ModelConfig
from picochat.model.gpt import GPT

VOCAB = 61
CONTEXT = 24
CLOSE = {"rtol": 1e-5, "atol": 1e-5}
VARIANTS = [
    *[(architecture, {}) for architecture in ARCHITECTURES],
    *[("qwen3", {"position": position, "kv_heads": 2}) for position in ("learned", "sinusoidal", "alibi")],
    ("llama", {"kv_heads": 1}),
    ("gpt2", {"position": "alibi", "heads": 3, "head_dim": 8}),
]


def make(architecture: str = "qwen3", **switches: object) -> TorchBackend:
    torch.manual_seed(0)
    shape = {"layers": 2, "heads": 4, "dim": 32, "vocab_size": VOCAB, "context": CONTEXT, **switches}
    model = GPT(ModelConfig.create(preset="nano", architecture=architecture, **shape))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    info = ModelInfo(Path("tiny.pt"), architecture, 0, VOCAB, CONTEXT, "cpu", "fp32")
    return TorchBackend(model, info)


@pytest.mark.parametrize(("architecture", "switches"), VARIANTS)
def test_lanes_of_different_lengths_write_what_each_writes_alone(architecture: str, switches: dict[str, object]) -> None:
    backend = make(architecture, **switches)
    prompts = [[5], [3, 1, 4, 1, 5, 9], list(range(12)), [7, 7]]
    alone = []
    for prompt in prompts:
        backend.truncate(0)
        rows = [backend.prefill(prompt)]
        while backend.length < CONTEXT:
            rows.append(backend.step(int(rows[-1].argmax())))
        alone.append(rows)
    lanes = backend.lanes(len(prompts))
    rows = {lane: lanes.prefill(lane, prompt) for lane, prompt in enumerate(prompts)}
    for place in range(CONTEXT):
        for lane, row in rows.items():
            np.testing.assert_allclose(row, alone[lane][place], **CLOSE)
            assert row.argmax() == alone[lane][place].argmax()
        # each runs to its own end; towards the end lanes that lie apart are left
        rows = {lane: row for lane, row in rows.items() if lanes.length(lane) < CONTEXT}
        if not rows:
            break
        tokens = {lane: int(row.argmax()) for lane, row in reversed(rows.items())}
        rows = dict(zip(tokens, lanes.step(tokens), strict=True))
    assert [lanes.length(lane) for lane in range(len(prompts))] == [CONTEXT] * len(prompts)


@settings(max_examples=40)
@given(st.data())
def test_any_order_of_work_leaves_each_lane_as_if_alone(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 4))
    backend = make("qwen3", kv_heads=2, position=data.draw(st.sampled_from(["rope", "learned", "alibi"])))
    lanes = backend.lanes(count)
    held: list[list[int]] = [[] for _ in range(count)]
    ids = st.integers(0, VOCAB - 1)

    def check(lane: int, row: np.ndarray) -> None:
        backend.truncate(0)
        np.testing.assert_allclose(row, backend.prefill(held[lane]), **CLOSE)

    for _ in range(data.draw(st.integers(1, 12))):
        lane = data.draw(st.integers(0, count - 1))
        match data.draw(st.sampled_from(["prefill", "step", "step", "truncate", "fork"])):
            case "prefill":
                new = data.draw(st.lists(ids, min_size=1, max_size=9))
                if len(held[lane]) + len(new) > CONTEXT:
                    with pytest.raises(ContextOverflowError):
                        lanes.prefill(lane, new)
                else:
                    held[lane] += new
                    check(lane, lanes.prefill(lane, new))
            case "step":
                tokens = data.draw(st.dictionaries(st.integers(0, count - 1), ids, min_size=1))
                if any(len(held[each]) == CONTEXT for each in tokens):
                    with pytest.raises(ContextOverflowError):
                        lanes.step(tokens)
                else:
                    for each, row in zip(tokens, lanes.step(tokens), strict=True):
                        held[each].append(tokens[each])
                        check(each, row)
            case "truncate":
                del held[lane][data.draw(st.integers(0, len(held[lane]))) :]
                lanes.truncate(lane, len(held[lane]))
            case "fork":
                target = data.draw(st.integers(0, count - 1))
                lanes.fork(lane, target)
                held[target] = list(held[lane])
        assert [lanes.length(each) for each in range(count)] == [len(tokens) for tokens in held]


def test_lanes_are_apart_from_the_sequence_in_the_cache() -> None:
    backend = make()
    backend.prefill([1, 2, 3])
    backend.lanes(2).prefill(0, [4, 5])
    assert backend.length == 3
    after = backend.step(4)
    backend.truncate(0)
    np.testing.assert_allclose(after, backend.prefill([1, 2, 3, 4]), **CLOSE)


@pytest.mark.parametrize(("architecture", "switches"), VARIANTS)
def test_reading_gives_a_row_after_each_token(architecture: str, switches: dict[str, object]) -> None:
    backend = make(architecture, **switches)
    ids = [int(token) for token in np.random.default_rng(0).integers(0, VOCAB, 14)]
    steps = [backend.step(token) for token in ids]
    for border in (0, 1, 9, 13):
        backend.truncate(0)
        if border:
            backend.prefill(ids[:border])
        np.testing.assert_allclose(backend.read(ids[border:]), steps[border:], **CLOSE)
        assert backend.length == len(ids)
    with pytest.raises(ContextOverflowError):
        backend.read(ids)
