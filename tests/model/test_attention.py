from __future__ import annotations

import pytest
import torch

from picochat.model.attention import attend, attend_in_blocks
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT, Attention


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("length", [1, 5, 128, 129, 300])
def test_blocks_give_what_torch_gives_and_the_same_gradients(length: int, kv_heads: int) -> None:
    generator = torch.Generator().manual_seed(length)
    q = torch.randn(2, 4, length, 16, generator=generator, requires_grad=True)
    k = torch.randn(2, kv_heads, length, 16, generator=generator, requires_grad=True)
    v = torch.randn(2, kv_heads, length, 16, generator=generator, requires_grad=True)
    weight = torch.randn(2, 4, length, 16, generator=generator)
    whole, parts = attend(q, k, v, None), attend_in_blocks(q, k, v)
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=1e-5)
    for ours, theirs in zip(
        torch.autograd.grad((parts * weight).sum(), (q, k, v)),
        torch.autograd.grad((whole * weight).sum(), (q, k, v)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_dropout_keeps_the_mean_and_needs_no_more_than_asked() -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 2, 40, 8) for _ in range(3))
    drawn = torch.stack([attend_in_blocks(q, k, v, dropout=0.3) for _ in range(2000)]).mean(0)
    torch.testing.assert_close(drawn, attend(q, k, v, None), atol=0.15, rtol=0.1)


def test_a_model_in_blocks_is_the_same_model(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    model = GPT(ModelConfig.create(preset="nano", vocab_size=100, context=200)).eval()
    ids = torch.randint(0, 100, (2, 200))
    plain = model(ids)
    monkeypatch.setattr(Attention, "in_blocks", True)
    torch.testing.assert_close(model(ids), plain, atol=1e-4, rtol=1e-4)
