from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.training.muon import Muon, orthogonal
from picochat.training.optim import make_optimizer


@given(rows=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 99))
def test_singular_values_come_close_to_one(rows: int, columns: int, seed: int) -> None:
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 3
    found = orthogonal(matrix, torch.float32)
    assert found.shape == matrix.shape
    values = torch.linalg.svdvals(matrix)
    large = values > 0.05 * values.max()
    close = torch.linalg.svdvals(found)[large]
    assert close.min() > 0.5
    assert close.max() < 1.3


@pytest.mark.parametrize("size", [(24, 24), (48, 16), (16, 48)])
def test_it_does_what_torchs_own_does(size: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(size, generator=generator)
    mine, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    ours = Muon([{"params": [mine]}], lr=0.05, weight_decay=0.1)
    torchs = torch.optim.Muon([theirs], lr=0.05, weight_decay=0.1, momentum=0.95, adjust_lr_fn="original")
    for _ in range(5):
        gradient = torch.randn(size, generator=generator)
        mine.grad, theirs.grad = gradient.clone(), gradient.clone()
        ours.step()
        torchs.step()
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


def test_parts_are_made_orthogonal_each_for_itself() -> None:
    heights = (8, 4, 4)
    whole = torch.nn.Parameter(torch.zeros(16, 8))
    parts = [torch.nn.Parameter(torch.zeros(height, 8)) for height in heights]
    together = Muon([{"params": [whole], "parts": heights}], lr=0.1, dtype=torch.float32)
    alone = Muon([{"params": parts}], lr=0.1, dtype=torch.float32)
    for seed in range(3):
        whole.grad = torch.randn(16, 8, generator=torch.Generator().manual_seed(seed))
        for part, gradient in zip(parts, whole.grad.split(heights), strict=True):
            part.grad = gradient.clone()
        together.step()
        alone.step()
    torch.testing.assert_close(whole.detach(), torch.cat([part.detach() for part in parts]))


@pytest.mark.parametrize("architecture", ["gpt2", "llama", "qwen3"])
def test_the_parts_of_a_weight_are_its_height(architecture: str) -> None:
    model = GPT(
        ModelConfig.create(preset="nano", architecture=architecture, layers=1, vocab_size=64, heads=4, kv_heads=2, dim=64)
    )
    sizes = {name: parameter.shape[0] for name, parameter in model.named_parameters()}
    parts = {name: model.parts_of(name) for name in sizes}
    assert {name for name, heights in parts.items() if heights} >= {"blocks.0.attention.qkv.weight"}
    assert all(sum(heights) == sizes[name] for name, heights in parts.items() if heights)
    assert parts["blocks.0.attention.qkv.weight"] == (64, 32, 32)
    optimizer = make_optimizer(model, lr=0.02, weight_decay=0.0)
    held = [parameter for part in optimizer.parts for group in part.param_groups for parameter in group["params"]]
    assert len(held) == len({id(parameter) for parameter in held}) == len(list(model.parameters()))
