"""Tiny models for the tests of GGUF, and files written by llama.cpp's own package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch

from picochat.checkpoint import Checkpoint
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from picochat.text.tokenizer import Tokenizer
from tests.conftest import chat_text

ARCHITECTURES = ("gpt2", "llama", "qwen3")


def tiny(architecture: str, *, kind: str = "chat", tokenizer: Tokenizer | None = None, **shape: Any) -> Checkpoint:
    """A network of random weights whose answers depend on every part of it."""
    tokenizer = tokenizer or Tokenizer.train([chat_text()], "bpe", 400)
    size = {"layers": 2, "heads": 4, "dim": 64, "context": 64, "vocab_size": tokenizer.vocab_size, **shape}
    if architecture != "gpt2":
        size.setdefault("kv_heads", 2)
    config = ModelConfig.create(architecture=architecture, **size)
    torch.manual_seed(7)
    model = GPT(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.normal_(std=0.2)
            if "norm" in name and name.endswith("weight"):
                weight.add_(1.0)
    weights = {name: tensor.detach().clone() for name, tensor in model.saved_weights().items()}
    return Checkpoint(config, tokenizer, weights, {"kind": kind})


def rewrite(source: Path, target: Path, *, drop: tuple[str, ...] = (), **changes: Any) -> Path:
    """Copy a GGUF file with the gguf package, leaving out and changing metadata (`__` is a dot) and tensors.

    A change to an array becomes a tensor, one to a (array, type) pair a tensor of this type.
    """
    reader = gguf.GGUFReader(source)
    changes = {name.replace("__", "."): value for name, value in changes.items()}
    architecture = changes.pop("general.architecture", reader.fields["general.architecture"].contents())
    writer = gguf.GGUFWriter(target, architecture)
    old = reader.fields["general.architecture"].contents()
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == "general.architecture" or key in drop:
            continue
        value = changes.pop(key, field.contents())
        key = key.replace(f"{old}.", f"{architecture}.", 1) if key.startswith(f"{old}.") else key
        writer.add_key_value(key, value, field.types[0], field.types[1] if len(field.types) > 1 else None)
    for tensor in reader.tensors:
        if tensor.name in drop:
            continue
        data, kind = changes.pop(tensor.name, (tensor.data, tensor.tensor_type))
        writer.add_tensor(tensor.name, np.array(data), raw_dtype=kind)
    for key, value in changes.items():
        if isinstance(value, tuple):
            writer.add_tensor(key, value[0], raw_dtype=value[1])
        else:
            kind = gguf.GGUFValueType.get_type(value)
            inner = gguf.GGUFValueType.get_type(value[0]) if isinstance(value, list) else None
            writer.add_key_value(key, value, kind, inner)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target
