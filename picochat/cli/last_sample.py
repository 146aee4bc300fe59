"""What a model writes when its training is over: `picochat train --generate N`."""

from __future__ import annotations

import sys
from pathlib import Path

from picochat.text.safe import printable


def write_at_end(best: Path, tokens: int, prompt: str | None = None, *, device: str = "auto", seed: int = 0) -> str:
    """Let the best model write to stdout as `picochat generate` would, and return the text.

    Args:
        best: the model file.
        tokens: the longest text.
        prompt: `None` is a greeting for a model that chats, and a document's beginning for others.

    Raises:
        PicochatError: a model, device or number of tokens that can't be used.
    """
    from picochat import load
    from picochat.inference.samples import GREETING

    model = load(best, device=device)
    if prompt is None:
        prompt = GREETING if model.engine.info.chats else ""
    show = printable if sys.stdout.isatty() else str
    written = []
    for token in model.stream(prompt, max_tokens=tokens, seed=seed):
        written.append(token.text)
        print(show(token.text), end="", flush=True)
    print(flush=True)
    return "".join(written)
