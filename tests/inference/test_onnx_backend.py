"""ONNX Runtime beside torch: the same tokens whichever way they are computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from picochat.checkpoint import load_checkpoint, save_checkpoint
from picochat.errors import ContextOverflowError
from picochat.inference.backend import Backend
from picochat.inference.engine import Engine, load_engine
from picochat.inference.generation import Job
from picochat.inference.onnx_backend import OnnxLanes, Runner
from picochat.inference.opening import open_backend
from picochat.inference.settings import SamplingSettings
from picochat.inference.torch_backend import open_torch
from picochat.interop.hf import write_hf
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from tests.fakes import char_tokenizer

TOKENIZER = char_tokenizer()
VARIANTS: dict[str, dict[str, Any]] = {
    "gpt2": {"architecture": "gpt2"},
    "llama": {"architecture": "llama", "kv_heads": 1},
    "qwen3": {"architecture": "qwen3"},
}


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=VARIANTS.keys())
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file with drawn weights."""
    shape = {"layers": 2, "heads": 2, "dim": 64, "context": 48, "vocab_size": TOKENIZER.vocab_size}
    torch.manual_seed(0)
    network = GPT(ModelConfig.create(preset="nano", **{**shape, **request.param}))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    path = tmp_path_factory.mktemp("model") / "model.pt"
    save_checkpoint(path, network, TOKENIZER, {"kind": "text"})
    return path


def opened(model: Path, precision: str = "fp32") -> Backend:
    backend, _ = open_backend(model, device="cpu", precision=precision)
    assert backend.info.runtime == "ONNX Runtime"
    assert backend.info.precision == precision
    return backend


def written(engine: Engine, ids: list[int], count: int, **wishes: Any) -> list[int | None]:
    drawn = SamplingSettings.parse({"temperature": 0, "max_tokens": count, **wishes})
    return [token.id for token in engine.stream(ids, drawn)]


def test_greedy_tokens_are_those_of_transformers(model: Path, tmp_path: Path) -> None:
    write_hf(load_checkpoint(model), tmp_path / "hf", check=False)
    peer = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "hf").eval()
    prompt = [9, 4, 7]
    with torch.inference_mode():
        theirs = peer.generate(
            torch.tensor([prompt]), do_sample=False, max_new_tokens=40, min_new_tokens=40, pad_token_id=0, eos_token_id=None
        )[0, 3:].tolist()
    torch_backend, tokenizer = open_torch(model, device="cpu", precision="fp32")
    for backend in (opened(model), torch_backend):
        assert written(Engine(backend, tokenizer), prompt, 40) == theirs


@pytest.mark.parametrize(
    ("precision", "long"), [("fp32", False), ("int8", False), ("int4", False), ("int8", True), ("int4", True)]
)
def test_reading_at_once_in_pieces_and_by_steps(
    model: Path, precision: str, long: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if long:  # caches of 8 bits, made for this test alone
        monkeypatch.setattr("picochat.interop.small_caches.LONG", 1)
        monkeypatch.setenv("PICOCHAT_CACHE", str(tmp_path))
    backend = opened(model, precision)
    ids = list(range(3, 43))
    whole = backend.read(ids)
    assert whole.shape == (40, backend.info.vocab_size)
    backend.truncate(0)
    pieces = [backend.prefill(ids[:7]), *(backend.step(token) for token in ids[7:20]), backend.prefill(ids[20:])]
    assert backend.length == 40
    expected = whole[[6, *range(7, 20), 39]]
    # kernels of fewer bits round in other ways for one row than for many
    tolerance = 1e-4 if precision == "fp32" else 0.15 * whole.std()
    np.testing.assert_allclose(np.stack(pieces), expected, atol=tolerance)
    backend.truncate(10)
    np.testing.assert_allclose(backend.step(ids[10]), whole[10], atol=tolerance)


def test_the_window_ends(model: Path) -> None:
    backend = opened(model)
    backend.prefill(list(range(5, 53)))
    assert backend.length == backend.info.context == 48
    with pytest.raises(ContextOverflowError, match="48 cached tokens and 1 new ones exceed the context of 48"):
        backend.step(3)
    with pytest.raises(ValueError, match="truncate"):
        backend.truncate(49)
    assert backend.length == 48


def test_only_steps_of_one_lane_are_paced(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picochat.inference.onnx_backend._cores", lambda: 2)
    runner: Runner = opened(model)._runner  # type: ignore[attr-defined]
    assert runner.most_threads == 2
    monkeypatch.setattr(runner.pace, "way", 1)
    used: list[int] = []
    session = runner.session
    monkeypatch.setattr(runner, "session", lambda threads: used.append(threads) or session(threads))
    lanes = OnnxLanes(runner, 2)
    used.clear()
    lanes.step({0: 3, 1: 4})
    lanes.step({0: 5})
    assert used == [2, 1]


@settings(max_examples=30)
@given(data=st.data())
def test_lanes_compute_what_each_computes_alone(model: Path, data: st.DataObject) -> None:
    backend = opened(model)
    count = data.draw(st.integers(1, 4))
    lanes = backend.lanes(count)
    held: list[list[int]] = [[] for _ in range(count)]
    ids = st.integers(0, TOKENIZER.vocab_size - 1)
    for _ in range(data.draw(st.integers(1, 10))):
        lane = data.draw(st.integers(0, count - 1))
        action = data.draw(st.sampled_from(["prefill", "step", "truncate", "fork"]))
        if action == "prefill":
            new = data.draw(st.lists(ids, min_size=1, max_size=6))
            rows, changed = [lanes.prefill(lane, new)], [lane]
            held[lane] += new
        elif action == "step":
            tokens = data.draw(st.dictionaries(st.integers(0, count - 1), ids, min_size=1))
            rows, changed = list(lanes.step(tokens)), list(tokens)
            for each, token in tokens.items():
                held[each].append(token)
        else:
            other = data.draw(st.integers(0, count - 1))
            if action == "fork":
                lanes.fork(lane, other)
                held[other] = list(held[lane])
            else:
                del held[lane][len(held[lane]) // 2 :]
                lanes.truncate(lane, len(held[lane]))
            continue
        for row, each in zip(rows, changed, strict=True):
            backend.truncate(0)
            np.testing.assert_allclose(row, backend.prefill(held[each]), rtol=1e-4, atol=1e-4)
        assert [lanes.length(each) for each in range(count)] == [len(each) for each in held]


def test_a_full_lane_is_refused_before_any_has_moved(model: Path) -> None:
    lanes = opened(model).lanes(2)
    lanes.prefill(0, [1, 2])
    lanes.prefill(1, list(range(48)))
    with pytest.raises(ContextOverflowError):
        lanes.step({0: 3, 1: 3})
    assert (lanes.length(0), lanes.length(1)) == (2, 48)


def test_texts_side_by_side_and_with_guesses_are_the_plain_ones(model: Path) -> None:
    engine = load_engine(model, device="cpu", precision="fp32")
    prompts = [[5, 6, 7], [5, 6, 7, 8], [30, 31]]
    wishes = [SamplingSettings(temperature=0.9, top_k=0, max_tokens=30, seed=seed) for seed in range(3)]
    engine.speculate = False
    plain = [[token.id for token in engine.stream(ids, wish)] for ids, wish in zip(prompts, wishes, strict=True)]
    beside: list[list[int | None]] = [[], [], []]
    for index, token in engine.run_many([Job(ids, wish) for ids, wish in zip(prompts, wishes, strict=True)]):
        beside[index].append(token.id)
    assert beside == plain
    engine.speculate = True
    assert [[token.id for token in engine.stream(ids, w)] for ids, w in zip(prompts, wishes, strict=True)] == plain


def test_a_text_longer_than_the_window(model: Path) -> None:
    torch_backend, tokenizer = open_torch(model, device="cpu", precision="fp32")
    ours = written(Engine(opened(model), tokenizer), [9, 4, 7], 120)
    assert ours == written(Engine(torch_backend, tokenizer), [9, 4, 7], 120)
