"""The mean of some models' weights, in 16 bits: python models/recipe/mean.py OUT MODEL=SHARE MODEL=SHARE...

Models of one descent lie in one valley of the loss, and their mean lower than each ("Model soups", arXiv 2203.05482). One
of fewer layers is deepened first. Tokenizer and facts of the training are those of the last.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from picochat.checkpoint import load_checkpoint, save_checkpoint
from picochat.model.gpt import GPT
from picochat.runs import find_model_file
from picochat.training.warm_start import warm_start


def main(out: str, *parts: str) -> None:
    """Write the mean of `parts`, each a model file or run folder with its share, to `out`."""
    named = [part.rpartition("=") for part in parts]
    sources = [(load_checkpoint(find_model_file(Path(path))), float(share)) for path, _, share in named]
    last = sources[-1][0]
    deepest = max((source.config for source, _ in sources), key=lambda config: config.layers)
    mean: dict[str, torch.Tensor] = {}
    for source, share in sources:
        network = GPT(deepest)
        warm_start(network, last.tokenizer, source)
        for name, weight in network.state_dict().items():
            mean[name] = mean.get(name, torch.zeros_like(weight)) + share * weight
    network.load_state_dict(mean)
    save_checkpoint(Path(out), network, last.tokenizer, last.training, dtype=torch.float16)


if __name__ == "__main__":
    main(*sys.argv[1:])
