from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from picochat.errors import ContextOverflowError
from picochat.model.cache import KVCache
from picochat.model.config import ARCHITECTURES, ModelConfig
from picochat.model.gpt import GPT

CONTEXT = 24


def make(architecture: str, **switches: object) -> GPT:
    torch.manual_seed(0)
    config = ModelConfig.create(
        preset="nano", architecture=architecture, layers=2, heads=4, dim=32, vocab_size=61, context=CONTEXT, **switches
    )
    model = GPT(config).eval()
    with torch.no_grad():
        # norms and biases away from 1 and 0, so that a forgotten one shows
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return model


VARIANTS = [
    *[(architecture, {}) for architecture in ARCHITECTURES],
    *[("qwen3", {"position": position}) for position in ("learned", "sinusoidal", "alibi")],
    ("llama", {"kv_heads": 2}),
    ("qwen3", {"kv_heads": 1, "tied": False}),
    ("gpt2", {"position": "alibi", "bias": False}),
    ("qwen3", {"head_dim": 16}),
]


@pytest.mark.parametrize(("architecture", "switches"), VARIANTS)
def test_cached_equals_uncached_at_every_split(architecture: str, switches: dict[str, object]) -> None:
    model = make(architecture, **switches)
    ids = torch.randint(0, 61, (1, CONTEXT))
    with torch.inference_mode():
        whole = model(ids)
        for split in range(1, CONTEXT):
            cache = KVCache(model.config)
            front, back = model(ids[:, :split], cache), model(ids[:, split:], cache)
            torch.testing.assert_close(torch.cat((front, back), dim=1), whole, atol=1e-5, rtol=1e-5)
        cache = KVCache(model.config)
        one_by_one = torch.cat([model(ids[:, i : i + 1], cache) for i in range(CONTEXT)], dim=1)
        torch.testing.assert_close(one_by_one, whole, atol=1e-5, rtol=1e-5)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=8), st.data())
def test_a_truncated_cache_goes_on_as_if_nothing_had_been(chunks: list[int], data: st.DataObject) -> None:
    model = make("qwen3", kv_heads=2)
    ids = torch.randint(0, 61, (1, CONTEXT), generator=torch.Generator().manual_seed(1))
    other = torch.randint(0, 61, (1, CONTEXT), generator=torch.Generator().manual_seed(2))
    cache = KVCache(model.config)
    with torch.inference_mode():
        for size in chunks:
            if cache.length + size <= CONTEXT:
                model(other[:, cache.length : cache.length + size], cache)
        keep = data.draw(st.integers(0, min(cache.length, CONTEXT - 1)))
        cache.truncate(keep)
        mixed = torch.cat((other[:, :keep], ids[:, keep:]), dim=1)
        torch.testing.assert_close(model(mixed[:, keep:], cache), model(mixed)[:, keep:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("architecture", "switches"), VARIANTS)
def test_later_tokens_do_not_change_earlier_logits(architecture: str, switches: dict[str, object]) -> None:
    model = make(architecture, **switches)
    ids = torch.randint(0, 61, (2, CONTEXT))
    changed = ids.clone()
    changed[:, 12:] = (changed[:, 12:] + 1) % 61
    with torch.inference_mode():
        before, after = model(ids), model(changed)
    torch.testing.assert_close(before[:, :12], after[:, :12], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(before[:, 12:], after[:, 12:])


def test_a_batch_gives_what_its_rows_give_alone() -> None:
    model = make("qwen3")
    ids = torch.randint(0, 61, (3, 10))
    with torch.inference_mode():
        rows = torch.cat([model(row[None]) for row in ids])
        torch.testing.assert_close(model(ids), rows, atol=1e-5, rtol=1e-5)


def test_last_only_is_the_last_row() -> None:
    model = make("llama")
    ids = torch.randint(0, 61, (1, 9))
    with torch.inference_mode():
        torch.testing.assert_close(model(ids, last_only=True), model(ids)[:, -1:])


def test_past_and_new_tokens_together_are_bounded() -> None:
    model = make("qwen3")
    cache = KVCache(model.config)
    with torch.inference_mode():
        model(torch.zeros(1, CONTEXT, dtype=torch.long), cache)
        with pytest.raises(ContextOverflowError):
            model(torch.zeros(1, 1, dtype=torch.long), cache)
        assert cache.length == CONTEXT
        with pytest.raises(ContextOverflowError):
            model(torch.zeros(1, CONTEXT + 1, dtype=torch.long))


def test_weights_given_are_weights_used() -> None:
    model = make("gpt2")
    twin = GPT.from_weights(model.config, model.saved_weights())
    ids = torch.randint(0, 61, (1, 7))
    with torch.inference_mode():
        torch.testing.assert_close(twin.eval()(ids), model(ids))
    assert twin.head.weight is twin.embedding.weight


def test_dropout_acts_in_training_only() -> None:
    model = make("qwen3", dropout=0.5)
    ids = torch.randint(0, 61, (1, 8))
    with torch.no_grad():
        assert torch.equal(model(ids), model(ids))
        model.train()
        assert not torch.equal(model(ids), model(ids))
