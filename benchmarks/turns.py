"""Time to the first token of a conversation's second turn, beside that of reading it all, on each backend."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch

from picochat.checkpoint import save_checkpoint
from picochat.inference.engine import Engine, load_engine
from picochat.inference.settings import SamplingSettings
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.text.tokenizer import Tokenizer

ANSWER = SamplingSettings(max_tokens=2, temperature=0)
BACKENDS = {"ONNX Runtime, int8": "int8", "ONNX Runtime, fp32": "fp32", "PyTorch, bf16": "bf16"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--told", type=int, default=3000, help="tokens of the conversation so far")
    parser.add_argument("--message", type=int, default=20, help="tokens of the new message")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()

    torch.manual_seed(0)
    config = ModelConfig.create(preset=options.preset, architecture="llama", vocab_size=8000, context=4096)
    told = [100 + place % 5000 for place in range(options.told)]
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "random.pt"
        save_checkpoint(model, GPT(config), Tokenizer.train(["a b c"]), {"kind": "text"})
        for name, precision in BACKENDS.items():
            engine = load_engine(model, device="cpu", precision=precision)
            anew, second = [], []
            for _ in range(options.rounds):
                engine.forget()
                anew.append(first_token(engine, told))
                second.append(first_token(engine, told + [7] * options.message))
            read, cache = engine.prefilled, engine.backend.cache_bytes
            row = {"whole": statistics.median(anew), "second_turn": statistics.median(second)}
            found[name] = {**row, "read": read, "cache_bytes": cache}
            print(
                f"  {name:<20} {options.told} tokens {row['whole'] * 1000:>7.0f} ms, second turn "
                f"{row['second_turn'] * 1000:>5.0f} ms ({read} tokens read), caches {cache / 1e6:.0f} MB"
            )
    print(json.dumps(found))


def first_token(engine: Engine, ids: list[int]) -> float:
    """Seconds from the call to the first token."""
    start = time.perf_counter()
    stream = engine.stream(ids, ANSWER)
    next(stream)
    seconds = time.perf_counter() - start
    stream.close()  # type: ignore[attr-defined]
    return seconds


if __name__ == "__main__":
    main()
