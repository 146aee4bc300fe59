"""Training speed: one AdamW step of picochat beside one of a transformers model, same shape and batch, in turns."""

from __future__ import annotations

import argparse
import json
import statistics
import time

import torch
import torch.nn.functional as F
from peers import gpt2_twin, machine

from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.training.compute import autocast, choose_precision
from picochat.training.optim import make_optimizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    torch.manual_seed(0)
    device = torch.device("cpu")
    config = ModelConfig.create(preset=options.preset, architecture="gpt2", vocab_size=8000)
    model = GPT(config).train()
    twin = gpt2_twin(model).train()
    precision, why = choose_precision(device)
    ids = torch.randint(0, config.vocab_size, (options.batch, options.length + 1))
    optimizers = {
        "picochat": make_optimizer(model, kind="adamw", lr=1e-3, weight_decay=0.1),
        "transformers": torch.optim.AdamW(twin.parameters(), lr=1e-3),
    }

    def step(name: str) -> float:
        start = time.perf_counter()
        # transformers' own default is fp32; ours is what the probe chose
        with autocast(device, precision if name == "picochat" else "fp32"):
            if name == "picochat":
                loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1).float(), ids[:, 1:].flatten())
            else:
                loss = twin(input_ids=ids[:, :-1], labels=ids[:, :-1]).loss
        loss.backward()
        optimizers[name].step()
        optimizers[name].zero_grad()
        return options.batch * options.length / (time.perf_counter() - start)

    for name in optimizers:
        step(name)
    rates: dict[str, list[float]] = {name: [] for name in optimizers}
    for _ in range(options.rounds):
        for name in optimizers:
            rates[name].append(step(name))
    medians = {name: round(statistics.median(values)) for name, values in rates.items()}
    print(
        f"{options.preset} shape, {config.parameters / 1e6:.1f}M parameters, picochat in {precision} ({why}), on {machine()}"
    )
    for name, rate in medians.items():
        print(f"  {name:<13} {rate:>8,} tok/s")
    ratio = round(medians["picochat"] / medians["transformers"], 2)
    print(json.dumps({"tokens_per_second": medians, "ratio": ratio, "precision": precision, "machine": machine()}))


if __name__ == "__main__":
    main()
