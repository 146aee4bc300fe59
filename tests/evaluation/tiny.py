"""Small models with drawn weights: nothing is learnt, and every figure can be computed another way."""

from __future__ import annotations

from pathlib import Path

import torch

from picochat.evaluation.scorer import Scorer, scorer_of
from picochat.inference.backend import ModelInfo
from picochat.inference.engine import Engine
from picochat.inference.torch_backend import TorchBackend
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.text.chat_format import Message
from picochat.text.corpus import Conversation
from tests.fakes import char_tokenizer


def tiny_engine(*, context: int = 64, kind: str = "chat", seed: int = 3, **shape: object) -> Engine:
    """An engine of characters over a network whose weights are drawn large enough to make a difference."""
    tokenizer = char_tokenizer()
    config = ModelConfig.create(
        preset="nano",
        **{"layers": 2, "heads": 2, "dim": 32, "vocab_size": tokenizer.vocab_size, "context": context, **shape},
    )
    torch.manual_seed(seed)
    model = GPT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    info = ModelInfo(
        path=Path("tiny.pt"),
        architecture=config.architecture,
        parameters=config.parameters,
        vocab_size=config.vocab_size,
        context=context,
        device="cpu",
        precision="fp32",
        training={"kind": kind},
    )
    return Engine(TorchBackend(model, info), tokenizer)


def network(engine: Engine) -> GPT:
    """The network of a tiny engine."""
    assert isinstance(engine.backend, TorchBackend)
    return engine.backend.model


def scorer(engine: Engine) -> Scorer:
    """What measures a tiny engine's rows."""
    return scorer_of(engine.backend)


def talk(*texts: str, source: str = "") -> Conversation:
    """A conversation in which user and assistant take turns."""
    roles = ("user", "assistant")
    return Conversation(tuple(Message(roles[index % 2], text) for index, text in enumerate(texts)), source)  # type: ignore[arg-type]
