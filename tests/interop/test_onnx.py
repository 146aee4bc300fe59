"""Graphs for ONNX Runtime compute what the network computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from picochat.errors import ConfigError
from picochat.interop.onnx import rope_tables, sinusoids, unsupported, write_onnx
from picochat.model import gpt
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT

SHAPES: dict[str, dict[str, Any]] = {
    "qwen3": {"architecture": "qwen3"},
    "qwen3, grouped queries": {"architecture": "qwen3", "kv_heads": 1},
    "llama": {"architecture": "llama", "kv_heads": 2, "heads": 4, "rope_theta": 50_000.0},
    "llama, untied, wide heads": {"architecture": "llama", "tied": False, "head_dim": 48},
    "gpt2": {"architecture": "gpt2"},
    "gpt2, sinusoidal": {"architecture": "gpt2", "position": "sinusoidal"},
    "gpt2, no biases": {"architecture": "gpt2", "bias": False},
    "gpt2, swiglu": {"architecture": "gpt2", "activation": "swiglu"},
}


def network(**shape: Any) -> GPT:
    base = {"layers": 2, "heads": 2, "dim": 64, "vocab_size": 101, "context": 32}
    torch.manual_seed(0)
    model = GPT(ModelConfig.create(preset="nano", **{**base, **shape})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def run(path: Path, config: ModelConfig, ids: list[int]) -> np.ndarray:
    """All logits of one pass, with caches that nobody shares."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    feed: dict[str, np.ndarray] = {
        "ids": np.array([ids]),
        "last": np.array([len(ids) - 1], dtype=np.int32),
        "total": np.array(len(ids), dtype=np.int32),
        "wanted": np.arange(len(ids)),
        "places": np.arange(len(ids))[None],
    }
    empty = np.zeros((1, config.kv_heads, config.context, config.head_dim), dtype=np.float32)
    names = {each.name for each in session.get_inputs()}
    feed = {name: value for name, value in feed.items() if name in names}
    feed |= {name: empty for name in names if name.startswith("past_")}
    logits: np.ndarray = session.run(["logits"], feed)[0][0]
    return logits


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_logits_are_the_networks(shape: dict[str, Any], tmp_path: Path) -> None:
    model = network(**shape)
    write_onnx(model.config, {k: v.numpy() for k, v in model.saved_weights().items()}, tmp_path / "model.onnx")
    ids = torch.randint(0, 101, (1, 20), generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = model(ids)[0].numpy()
    assert run(tmp_path / "model.onnx", model.config, ids[0].tolist()) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("precision", "tolerance"), [("int8", 0.04), ("int4", 0.5)])
@pytest.mark.parametrize("architecture", ["qwen3", "gpt2"])
def test_fewer_bits_stay_close(architecture: str, precision: Any, tolerance: float, tmp_path: Path) -> None:
    model = network(architecture=architecture)
    write_onnx(model.config, {k: v.numpy() for k, v in model.saved_weights().items()}, tmp_path / "model.onnx", precision)
    ids = list(range(1, 30))
    with torch.inference_mode():
        expected = model(torch.tensor([ids]))[0].numpy()
    difference = run(tmp_path / "model.onnx", model.config, ids) - expected
    assert np.sqrt(np.square(difference).mean()) < tolerance * expected.std()


def test_a_16_bit_embedding_is_kept_as_it_is(tmp_path: Path) -> None:
    model = network()
    weights = {k: v.half().numpy() for k, v in model.saved_weights().items()}
    write_onnx(model.config, weights, tmp_path / "model.onnx")
    ids = [5, 6, 7]
    with torch.inference_mode():
        expected = GPT.from_weights(model.config, {k: torch.from_numpy(v).float() for k, v in weights.items()})(
            torch.tensor([ids])
        )[0].numpy()
    assert run(tmp_path / "model.onnx", model.config, ids) == pytest.approx(expected, abs=1e-4)


def test_what_it_can_not_hold_is_said(tmp_path: Path) -> None:
    model = network(architecture="gpt2", position="alibi")
    assert "ALiBi" in unsupported(model.config)
    with pytest.raises(ConfigError, match="ALiBi"):
        write_onnx(model.config, {}, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    assert "multiple of 16, not of 10" in unsupported(ModelConfig.create(preset="nano", dim=40, heads=4))


def test_tables_are_the_networks() -> None:
    cos, sin = gpt.rope_tables(50, 16, 10_000.0)
    ours = rope_tables(50, 16, 10_000.0)
    assert ours[0] == pytest.approx(cos[:, :8].numpy(), abs=1e-6)
    assert ours[1] == pytest.approx(sin[:, :8].numpy(), abs=1e-6)
    assert sinusoids(50, 16) == pytest.approx(gpt.sinusoids(50, 16).numpy(), abs=1e-6)
