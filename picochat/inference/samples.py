"""What a model that is still learning writes: one prompt and one seed, so that a run's samples can be compared."""

from __future__ import annotations

from pathlib import Path

from picochat.inference.backend import ModelInfo
from picochat.inference.engine import Engine
from picochat.inference.prompt import completion
from picochat.inference.settings import SamplingSettings
from picochat.inference.torch_backend import TorchBackend
from picochat.model.gpt import GPT
from picochat.text.tokenizer import Tokenizer

GREETING = "Hi! Who are you?"


def write_sample(model: GPT, tokenizer: Tokenizer, *, chats: bool, prompt: str | None, tokens: int, seed: int) -> str:
    """A text by `model`, whose weights are used where they are.

    The model is in the mode afterwards that it was in before, and torch's random state is left alone: tokens are drawn by
    NumPy, from a generator of their own.

    Args:
        chats: the model answers `prompt`; others go on with it.
        prompt: `None` is a greeting for a model that chats, and a document's beginning for others.
        tokens: the longest text.
    """
    info = ModelInfo.of(
        model.config,
        Path("the model in training"),
        device=str(model.embedding.weight.device),
        precision="fp32",
        training={"kind": "chat" if chats else "text"},
    )
    learning = model.training
    try:
        engine = Engine(TorchBackend(model, info), tokenizer)
        request = completion(engine, (GREETING if chats else "") if prompt is None else prompt)
        settings = SamplingSettings(max_tokens=tokens, seed=seed)
        return "".join(token.text for token in engine.run(request.job(settings)))
    finally:
        model.train(learning)
