"""The model file: one `.pt` that holds all a chat needs.

`torch.save` of tensors, strings and numbers only, always read with `weights_only=True`:

    {"format": "picochat/1", "model": {...}, "tokenizer": "<tokenizer.json>", "weights": {...}, "training": {...}}

The tokenizer travels inside, with the format of its turns if that is not picochat's own, so that a model can't be paired
with the wrong one. A file that would need unpickling is refused.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from picochat.errors import CheckpointError, ConfigError
from picochat.files import atomic_write
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.runs import find_model_file
from picochat.text.tokenizer import Tokenizer

FORMAT = "picochat/1"


@dataclass
class Checkpoint:
    """A model with its tokenizer and the facts of its training."""

    config: ModelConfig
    tokenizer: Tokenizer
    weights: dict[str, Tensor]
    training: dict[str, Any] = field(default_factory=dict)
    path: Path | None = None

    def build(self, *, dtype: torch.dtype = torch.float32, device: torch.device | str = "cpu") -> GPT:
        """The network with these weights, ready to answer.

        Raises:
            CheckpointError: weights that don't fit the shape.
        """
        self.check()
        return GPT.from_weights(self.config, self.weights).to(device=device, dtype=dtype).eval()

    def check(self) -> None:
        """Raise `CheckpointError` where the weights don't fit the shape."""
        if wrong := _shape_mismatch(self.config, self.weights):
            raise CheckpointError(f"{self.path or 'The model'} is damaged: {wrong}; get or train it again.")

    def save(self, path: Path, *, dtype: torch.dtype | None = None) -> None:
        """Write a model file atomically, its weights as `dtype`, or as they are; `OutputError` where that can't be done."""
        with atomic_write(path) as stream:
            save_tensors(stream, _content(self.config, self.weights, self.tokenizer, self.training, dtype))


def save_checkpoint(
    path: Path,
    model: GPT,
    tokenizer: Tokenizer,
    training: dict[str, Any] | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write a model file atomically, its weights as `dtype`; raises `OutputError` where that can't be done."""
    with atomic_write(path) as stream:
        save_tensors(stream, checkpoint_content(model, tokenizer, training, dtype=dtype))


def checkpoint_content(
    model: GPT,
    tokenizer: Tokenizer,
    training: dict[str, Any] | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Any]:
    """What a model file holds, its weights as `dtype`."""
    return _content(model.config, model.saved_weights(), tokenizer, training, dtype)


def _content(
    config: ModelConfig,
    weights: dict[str, Tensor],
    tokenizer: Tokenizer,
    training: dict[str, Any] | None,
    dtype: torch.dtype | None,
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "model": config.to_dict(),
        "tokenizer": tokenizer.to_json(),
        "weights": {name: tensor.detach().to("cpu", dtype or tensor.dtype).contiguous() for name, tensor in weights.items()},
        "training": dict(training or {}),
    }


def save_tensors(stream: IO[bytes], content: dict[str, Any]) -> None:
    """Write tensors, numbers, strings and containers of them; raises `OSError` where that can't be done."""
    try:
        torch.save(content, stream)
    except RuntimeError as error:
        # torch's writer hides what the system said: nearly always that the disk is full
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read a model file, or the best model of a run folder; weights are mapped, not copied.

    Raises:
        CheckpointError: missing, damaged, foreign, of another version, or needing unpickling.
    """
    path = find_model_file(Path(path))
    content = read_tensors(path)
    version = content.get("format") if isinstance(content, dict) else None
    if version != FORMAT:
        if isinstance(version, str) and version.startswith("picochat/"):
            raise CheckpointError(f"{path} has format {version}, and this picochat reads {FORMAT}; update picochat.")
        raise CheckpointError(f"{path} is a PyTorch file, but not a picochat model; train one with `picochat train`.")
    try:
        config = ModelConfig.from_dict(content["model"])
        tokenizer = Tokenizer.from_json(content["tokenizer"])
        weights = {str(name): value for name, value in content["weights"].items() if isinstance(value, Tensor)}
        training = _known_facts(dict(content["training"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CheckpointError(f"{path} is damaged ({type(error).__name__}: {error}); get or train it again.") from None
    except (ConfigError, CheckpointError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    if tokenizer.vocab_size > config.vocab_size:
        raise CheckpointError(
            f"{path} is damaged: its tokenizer has {tokenizer.vocab_size} tokens, its network only {config.vocab_size}."
        )
    return Checkpoint(config, tokenizer, weights, training, path)


_FACTS: dict[str, type | tuple[type, ...]] = {
    "step": int, "tokens": int, "seconds": (int, float), "val_loss": (int, float), "val_bpb": (int, float),
    "data": str, "kind": str, "precision": str, "preset": str,
}  # fmt: skip


def _known_facts(facts: dict[Any, Any]) -> dict[str, Any]:
    """The facts of a training that can be shown: those of another type than ours are left out."""
    plain = {str(name): value for name, value in facts.items() if isinstance(value, (str, int, float, bool))}
    return {name: value for name, value in plain.items() if isinstance(value, _FACTS.get(name, object))}


def read_tensors(path: Path) -> Any:
    """Read a file of tensors, strings and numbers, and nothing else.

    Raises:
        CheckpointError: the file can't be read, or would need unpickling.
    """
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
    except OSError as error:
        raise CheckpointError(f"{path} can't be read ({os.strerror(error.errno or 0)}).") from None
    try:
        if magic[:2] == b"PK":
            return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # torch raises many kinds for damaged and hostile files, an OSError for some cut short
        if "weights_only" in str(error) or "Unsupported" in str(error):
            raise CheckpointError(
                f"{path} holds pickled Python objects, which could run any code when read, and is refused; "
                "picochat models hold tensors, strings and numbers only."
            ) from None
        raise CheckpointError(f"{path} is damaged or cut short and can't be read; get or train it again.") from None
    if magic[:1] == b"\x80":
        raise CheckpointError(
            f"{path} is a pickle file, which could run any code when read, and is refused; train a picochat model instead."
        )
    raise CheckpointError(
        f"{path} is not a picochat model, nor a GGUF file; train one with `picochat train --data YOUR.txt`."
    )


def _shape_mismatch(config: ModelConfig, weights: dict[str, Tensor]) -> str:
    """What is wrong with these weights for this shape, in words; empty when nothing is."""
    with torch.device("meta"):
        expected = GPT(config).saved_weights()
    for name, tensor in expected.items():
        if name not in weights:
            return f"the weight '{name}' is missing"
        if weights[name].shape != tensor.shape:
            return f"the weight '{name}' is {tuple(weights[name].shape)} and should be {tuple(tensor.shape)}"
    if extra := sorted(set(weights) - set(expected)):
        return f"the weight '{extra[0]}' belongs to no part of the model"
    return ""
