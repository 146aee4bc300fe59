"""Whether transformers computes from a written folder what picochat computes."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from picochat.checkpoint import Checkpoint
from picochat.errors import CheckpointError, ConfigError
from picochat.model.gpt import GPT
from picochat.text.chat_format import ChatFormat, Message

TOLERANCE = 1e-4
"""Of the logits, relative to the largest of them, both computed in fp32."""
GREEDY = 16
"""Tokens that are written greedily."""
TEXTS = (
    "Hello, world!",
    "  two spaces, a tab\tand\n\na paragraph ",
    "It's 2026: na\u00efve caf\u00e9 \u20ac5, \u6771\u4eac \U0001f600",
    "def f(x):\n    return x  # <b>",
)


def check_hf(folder: Path, checkpoint: Checkpoint, *, dtype: torch.dtype = torch.float32) -> dict[str, Any]:
    """Load a folder with transformers and compare: logits, the greedy choice, token ids and the chat template.

    Args:
        dtype: that of the written weights; ours are rounded to it too.

    Returns:
        `difference` of the logits, relative to the largest, and how many `tokens` were compared.

    Raises:
        CheckpointError: something differs.
        ConfigError: transformers is not installed.
    """
    try:
        transformers: Any = importlib.import_module("transformers")
    except ImportError:
        raise ConfigError(
            "To check the result picochat loads it with transformers; run `pip install transformers`, "
            "or leave the check out with --no-check."
        ) from None
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    _check_texts(transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True), checkpoint)
    # the weights alone: a network of 16 bits would round its tables of positions too
    rounded = {name: tensor.to(dtype).float() for name, tensor in checkpoint.weights.items()}
    ours = replace(checkpoint, weights=rounded).build()
    theirs = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
    ids = _greedy(ours, _prompt(checkpoint))
    with torch.inference_mode():
        mine, its = ours(ids)[0], theirs(ids).logits[0].float()
    scale = max(1.0, float(mine.abs().max()))
    difference = float((mine - its).abs().max()) / scale
    if not difference <= TOLERANCE:
        raise CheckpointError(
            f"The written model computes something else in transformers: its logits differ by {difference:.2g} "
            f"(at most {TOLERANCE:g} is rounding); nothing was kept."
        )
    choice = mine.argmax(-1)
    # the second best may win where both are equal but for rounding
    worse = mine.gather(-1, choice[:, None]) - mine.gather(-1, its.argmax(-1)[:, None])
    if float(worse.max()) > 2 * TOLERANCE * scale:
        raise CheckpointError("The written model chooses other tokens in transformers; nothing was kept.")
    return {"difference": difference, "tokens": ids.shape[1]}


def _check_texts(theirs: Any, checkpoint: Checkpoint) -> None:
    tokenizer = checkpoint.tokenizer
    for text in TEXTS:
        if theirs.encode(text, add_special_tokens=False) != tokenizer.encode_document(text):
            raise CheckpointError(f"The written tokenizer cuts {text!r} in another way in transformers; nothing was kept.")
    if checkpoint.training.get("kind", "chat") != "chat":
        return
    talk = [("system", "Be kind."), ("user", "Hi there!"), ("assistant", "Hello <b>you</b>."), ("user", "2 + 2?")]
    for messages in (talk, talk[1:], talk[1:2]):
        given = [{"role": role, "content": content} for role, content in messages]
        text = theirs.apply_chat_template(given, tokenize=False, add_generation_prompt=True)
        if text != tokenizer.turns.render(messages, reply=True):
            raise CheckpointError("The written chat template gives another text in transformers; nothing was kept.")


def _prompt(checkpoint: Checkpoint) -> list[int]:
    """A question, or random tokens where it takes too much of the window."""
    ids = ChatFormat(checkpoint.tokenizer).prompt([Message("user", "Hi! Who are you?")])
    config = checkpoint.config
    most = max(1, config.context - GREEDY)
    if len(ids) > most:
        generator = torch.Generator().manual_seed(0)
        ids = torch.randint(0, config.vocab_size, (most,), generator=generator).tolist()
    return ids


def _greedy(model: GPT, ids: list[int]) -> torch.Tensor:
    """The ids (1, T) with the tokens that the model goes on with, as far as its window lets it."""
    row = torch.tensor([ids])
    with torch.inference_mode():
        for _ in range(min(GREEDY, model.config.context - len(ids))):
            row = torch.cat((row, model(row, last_only=True)[:, -1:].argmax(-1)), dim=1)
    return row
