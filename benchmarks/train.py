"""Training speed: steps of picochat beside those of a transformers model, same shape, batch and data, in turns.

transformers learns as its Trainer does by default: AdamW, clipping at 1.0, fp32; and once more under bf16 autocast. picochat
learns as `picochat train` does in a long run: Muon, the precision and attention that its probes choose, compiled.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from peers import machine, qwen3_like

from picochat.text.batches import Batch
from picochat.training.config import TrainConfig
from picochat.training.learner import Learner

SHAPES: dict[str, dict[str, int | str]] = {
    # 11.2M: what two cores train in an hour
    "11m": {"layers": 8, "heads": 5, "embedding": 320, "feed_forward": 864, "vocab_size": 4096},
    "nano": {"size": "nano"},
    "micro": {"size": "micro"},
    "small": {"size": "small"},
    "base": {"size": "base"},
    "gpt2": {"size": "gpt2"},
    "large": {"size": "large"},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="11m", choices=SHAPES)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--compile", default="on", choices=["on", "off"])
    parser.add_argument("--optimizer", default="muon", choices=["muon", "adamw"])
    parser.add_argument("--peers", default="fp32,bf16", help="precisions of transformers, with commas")
    options = parser.parse_args()

    torch.manual_seed(0)
    notes: list[str] = []
    config = TrainConfig.parse({
        "data": Path(), **SHAPES[options.shape], "context": options.length, "batch_size": options.batch,
        "device": options.device, "compile": options.compile, "optimizer": options.optimizer,
    })  # fmt: skip
    shape = config.model_config_for(config.vocab_size)
    learner = Learner(config, shape, note=notes.append)
    ids = np.random.default_rng(0).integers(shape.vocab_size, size=(options.batch, options.length + 1))
    batch = Batch(ids[:, :-1], ids[:, 1:], np.zeros((options.batch, options.length), dtype=np.uint8))
    steps: dict[str, Callable[[], object]] = {"picochat": lambda: learner.step([batch], 1e-3)}
    for precision in filter(None, options.peers.split(",")):
        steps[f"transformers {precision}"] = peer_step(shape, batch, precision, learner.device)

    def speed(name: str) -> float:
        start = time.perf_counter()
        steps[name]()
        if learner.device.type == "cuda":
            torch.cuda.synchronize()
        return options.batch * options.length / (time.perf_counter() - start)

    for name in steps:
        for _ in range(2):
            speed(name)
    rates: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(options.rounds):
        for name in steps:
            rates[name].append(speed(name))
    medians = {name: round(statistics.median(values)) for name, values in rates.items()}
    print(f"{options.shape}, {shape.parameters / 1e6:.1f}M parameters, {options.batch} x {options.length}, {machine()}")
    print("\n".join(notes))
    for name, rate in medians.items():
        print(f"  {name:<18} {rate:>9,} tok/s")
    ratios = {name: round(medians["picochat"] / rate, 2) for name, rate in medians.items() if name != "picochat"}
    # forward and backward are 6 operations a weight and token, and 12 x width a token before it in attention (half of them)
    work = (
        6 * (shape.parameters - (0 if shape.tied else shape.vocab_size * shape.dim))
        + 6 * shape.layers * shape.dim * shape.context
    )
    facts = {"precision": learner.precision, "attention": learner.attention, "compiled": learner.compiled}
    teraflops = round(medians["picochat"] * work / 1e12, 3)
    print(json.dumps({"tokens_per_second": medians, "ratio": ratios, "teraflops": teraflops, **facts, "machine": machine()}))


def peer_step(shape, batch: Batch, precision: str, device: torch.device) -> Callable[[], object]:  # type: ignore[no-untyped-def]
    """One step of a transformers model of that shape."""
    model = qwen3_like(shape).to(device).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    inputs, targets = (torch.from_numpy(part).to(device) for part in (batch.inputs, batch.targets))

    def step() -> None:
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16"):
            # its loss shifts labels by itself; given as they are they cost the same
            model(input_ids=inputs, labels=targets).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


if __name__ == "__main__":
    main()
