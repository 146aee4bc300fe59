"""Peak memory of a training step with a large vocabulary, beside transformers, each in a process of its own."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

VOCAB = 50_304


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--only", choices=["picochat", "checkpointing", "transformers", "weights"])
    options = parser.parse_args()
    if options.only:
        print(one(options))
        return
    size = [word for name in ("batch", "length", "layers", "width") for word in (f"--{name}", str(getattr(options, name)))]
    peaks = {}
    for name in ("weights", "picochat", "checkpointing", "transformers"):
        command = [sys.executable, __file__, "--only", name, *size]
        peaks[name] = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
    for name, peak in peaks.items():
        print(f"  {name:<14} {peak / 1e9:6.2f} GB")
    shape = (
        f"{options.batch} x {options.length} tokens, {options.layers} layers of {options.width}, vocabulary {VOCAB:,}, fp32"
    )
    print(json.dumps({"peak_bytes": peaks, "ratio": round(peaks["transformers"] / peaks["picochat"], 2), "shape": shape}))


def one(options: argparse.Namespace) -> int:
    """Two steps of one of them; returns the process's peak memory in bytes."""
    import numpy as np

    from picochat.text.batches import Batch
    from picochat.training.config import TrainConfig
    from picochat.training.learner import Learner

    settings = {
        "layers": options.layers,
        "heads": options.width // 64,
        "embedding": options.width,
        "context": options.length,
    }
    config = TrainConfig.parse({
        "data": Path(), **settings, "batch_size": options.batch, "device": "cpu", "precision": "fp32", "optimizer": "adamw",
        "compile": "off", "checkpointing": options.only == "checkpointing",
    })  # fmt: skip
    shape = config.model_config_for(VOCAB)
    ids = np.random.default_rng(0).integers(VOCAB, size=(options.batch, options.length + 1))
    batch = Batch(ids[:, :-1], ids[:, 1:], np.zeros((options.batch, options.length), dtype=np.uint8))
    if options.only == "transformers":
        import torch
        from train import peer_step

        step = peer_step(shape, batch, "fp32", torch.device("cpu"))
    else:
        learner = Learner(config, shape)
        small = batch.rows(slice(1)) if options.only == "weights" else batch
        step = lambda: learner.step([small], 1e-3)  # noqa: E731
    for _ in range(2):
        step()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
