from __future__ import annotations

import platform
from pathlib import Path

import pytest
import torch

from picochat.model.config import ModelConfig
from picochat.model.gpt import Attention
from picochat.training.allocator import keep_freed_memory
from picochat.training.compute import choose_attention, choose_precision
from picochat.training.config import TrainConfig
from picochat.training.setup import prepare

SHAPE = ModelConfig.create(preset="nano", vocab_size=100, context=64)
CPU = torch.device("cpu")


def test_what_is_asked_for_is_taken_and_the_rest_is_measured() -> None:
    assert choose_attention(CPU, "fp32", SHAPE, "blocks") == ("blocks", "as asked")
    assert choose_precision(CPU, "bf16") == ("bf16", "as asked")
    way, why = choose_attention(CPU, "fp32", SHAPE)
    assert way in ("torch", "blocks")
    assert "x the speed" in why


def test_alibi_keeps_to_torch() -> None:
    assert choose_attention(CPU, "fp32", ModelConfig.create(preset="nano", vocab_size=9, position="alibi"))[0] == "torch"


@pytest.mark.parametrize("way", ["torch", "blocks"])
def test_both_ways_learn_the_same(way: str, tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("".join(f"one two three four five six seven {n} eight nine ten\n<|endoftext|>\n" for n in range(40)))
    config = TrainConfig(
        data=text, preset="nano", tokenizer="char", context=32, steps=4, batch_size=2, attention=way, precision="fp32"
    )
    trainer = prepare(config, save=False)
    assert all(
        module.in_blocks == (way == "blocks") for module in trainer.learner.model.modules() if isinstance(module, Attention)
    )
    losses = [trainer.learn(1e-3).loss for _ in range(4)]
    other = prepare(config.changed(attention="torch"), save=False)
    assert losses == pytest.approx([other.learn(1e-3).loss for _ in range(4)], rel=1e-3)


def test_a_resumed_run_computes_as_it_did(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("".join(f"one two three four five six seven {n} eight nine ten\n<|endoftext|>\n" for n in range(40)))
    config = TrainConfig(data=text, preset="nano", tokenizer="char", context=32, steps=4, batch_size=2)
    trainer = prepare(config, save=False)
    state = {**trainer.state(), "compute": {"precision": "bf16", "attention": "blocks"}}
    other = prepare(config, save=False)
    other.restore(state)
    assert (other.learner.precision, other.learner.attention) == ("bf16", "blocks")
    assert all(module.in_blocks for module in other.learner.model.modules() if isinstance(module, Attention))


def test_memory_is_kept_where_it_can_be() -> None:
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")
