"""Tokens a second at batch 1: picochat's engine beside transformers' `generate`, same weights, in turns."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from peers import gpt2_twin, machine

from picochat.inference.backend import ModelInfo
from picochat.inference.engine import Engine
from picochat.inference.settings import SamplingSettings
from picochat.inference.torch_backend import TorchBackend
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.text.tokenizer import Tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--prompt", type=int, default=64, help="tokens in the prompt")
    parser.add_argument("--tokens", type=int, default=128, help="tokens to generate")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    torch.manual_seed(0)
    config = ModelConfig.create(preset=options.preset, architecture="gpt2", vocab_size=8000)
    model = GPT(config).eval()
    twin = gpt2_twin(model).eval()
    info = ModelInfo(Path("random"), "gpt2", config.parameters, config.vocab_size, config.context, "cpu", "fp32")
    engine = Engine(TorchBackend(model, info), Tokenizer.train(["a b c"], "char"))
    prompt = torch.randint(0, config.vocab_size, (1, options.prompt))

    def ours(temperature: float) -> tuple[float, list[int | None]]:
        engine.forget()
        settings = SamplingSettings(temperature=temperature, top_k=20, max_tokens=options.tokens, seed=1)
        start = time.perf_counter()
        ids = [token.id for token in engine.stream(prompt[0].tolist(), settings)]
        return options.tokens / (time.perf_counter() - start), ids

    def theirs(temperature: float) -> tuple[float, list[int | None]]:
        sampling = {"do_sample": True, "temperature": temperature, "top_k": 20} if temperature else {"do_sample": False}
        start = time.perf_counter()
        with torch.inference_mode():
            out = twin.generate(
                prompt, max_new_tokens=options.tokens, min_new_tokens=options.tokens, pad_token_id=0,
                attention_mask=torch.ones_like(prompt), **sampling,
            )  # fmt: skip
        return options.tokens / (time.perf_counter() - start), out[0, options.prompt :].tolist()

    same = ours(0.0)[1] == theirs(0.0)[1]
    rates: dict[str, list[float]] = {"picochat": [], "transformers": []}
    for _ in range(options.rounds):
        rates["picochat"].append(ours(0.8)[0])
        rates["transformers"].append(theirs(0.8)[0])
    medians = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    print(f"{options.preset} shape, {config.parameters / 1e6:.1f}M parameters, fp32, on {machine()}")
    for name, rate in medians.items():
        print(f"  {name:<13} {rate:>8.1f} tok/s")
    print(f"  greedy tokens {'agree' if same else 'DIFFER'}")
    ratio = round(medians["picochat"] / medians["transformers"], 2)
    print(json.dumps({"tokens_per_second": medians, "ratio": ratio, "greedy_equal": same, "machine": machine()}))


if __name__ == "__main__":
    main()
