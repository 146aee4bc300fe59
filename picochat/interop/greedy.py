"""A few tokens written greedily: what the checks of exported models compare."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from picochat.checkpoint import Checkpoint

Logits = npt.NDArray[np.float32]

_PROMPT, _WRITTEN = 12, 12
LONGEST = _PROMPT + _WRITTEN
"""The most tokens that are compared."""


def prompt_and_room(checkpoint: Checkpoint, text: str) -> tuple[list[int], int]:
    """The first tokens of a text, and how many may be written after them."""
    context = checkpoint.config.context
    prompt = [checkpoint.tokenizer.start_of_text, *checkpoint.tokenizer.encode(text)][: max(min(_PROMPT, context // 2), 1)]
    return prompt, min(_WRITTEN, context - len(prompt))


@torch.inference_mode()
def write_greedily(checkpoint: Checkpoint, prompt: list[int], count: int) -> tuple[list[int], Logits]:
    """The prompt and `count` greedy tokens after it, and the (tokens, vocab_size) logits at each of them."""
    model, ids = checkpoint.build(), list(prompt)
    for _ in range(count):
        ids.append(int(model(torch.tensor([ids]), last_only=True)[0, -1].argmax()))
    return ids, model(torch.tensor([ids]))[0].float().numpy()
