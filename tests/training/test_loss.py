from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from picochat.text.batches import IGNORE
from picochat.training.loss import chunk_size, cross_entropy, cross_entropy_sum


def material(tokens: int, vocab: int, width: int, left_out: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(tokens)
    hidden = torch.randn(tokens, width, generator=generator, requires_grad=True)
    weight = torch.randn(vocab, width, generator=generator, requires_grad=True)
    targets = torch.randint(vocab, (tokens,), generator=generator)
    targets[:left_out] = IGNORE
    return hidden, weight, targets


@given(tokens=st.integers(1, 40), vocab=st.integers(1, 30), chunk=st.integers(1, 50), left_out=st.integers(0, 40))
def test_any_chunks_give_the_loss_and_gradients_of_the_library(tokens: int, vocab: int, chunk: int, left_out: int) -> None:
    hidden, weight, targets = material(tokens, vocab, 8, left_out)
    loss = cross_entropy_sum(hidden, weight, targets, chunk=chunk, dtype=torch.float32) * 0.5
    mine = torch.autograd.grad(loss, (hidden, weight))
    each = F.cross_entropy(hidden @ weight.T, targets, ignore_index=IGNORE, reduction="none")
    theirs = torch.autograd.grad(each.sum() * 0.5, (hidden, weight))
    torch.testing.assert_close(loss, each.sum() * 0.5, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-4)
    alone = cross_entropy(hidden, weight, targets, chunk=chunk, dtype=torch.float32)
    torch.testing.assert_close(alone, each.detach(), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_short_numbers_come_close(dtype: torch.dtype) -> None:
    hidden, weight, targets = material(64, 50, 32)
    hidden, weight = (0.1 * hidden).detach().requires_grad_(), (0.1 * weight).detach().requires_grad_()
    loss = cross_entropy_sum(hidden, weight, targets, chunk=16, dtype=dtype) / 64
    mine = torch.autograd.grad(loss, (hidden, weight))
    exact = F.cross_entropy(hidden @ weight.T, targets)
    theirs = torch.autograd.grad(exact, (hidden, weight))
    torch.testing.assert_close(loss, exact, atol=0.01, rtol=0.01)
    assert all((one - two).norm() < 0.02 * two.norm() for one, two in zip(mine, theirs, strict=True))
    assert all(gradient.dtype == torch.float32 for gradient in mine)


def test_no_more_than_a_chunk_of_logits_is_ever_there() -> None:
    tokens, vocab = 2048, 4096
    hidden, weight, targets = material(tokens, vocab, 8)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                largest = max(largest, out.numel())
            return out

    chunk = chunk_size(torch.device("cpu"), vocab)
    with Watch():
        cross_entropy_sum(hidden, weight, targets, chunk=chunk, dtype=torch.float32).backward()
    assert chunk < tokens
    assert largest <= chunk * vocab
