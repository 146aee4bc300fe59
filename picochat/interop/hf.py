"""Hugging Face folders: models of transformers read, and picochat's written so that transformers, vLLM and others load them.

config.json, model.safetensors (or shards with an index), tokenizer.json, tokenizer_config.json, chat_template.jinja,
generation_config.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from picochat.checkpoint import Checkpoint
from picochat.errors import CheckpointError, ConfigError, OutputError
from picochat.files import atomic_folder
from picochat.interop.hf_check import check_hf
from picochat.interop.hf_config import architecture_of, config_from_hf, config_to_hf
from picochat.interop.hf_text import GENERATION, read_tokenizer, tokenizer_files
from picochat.interop.hf_weights import ONE_FILE, TensorFiles, from_hf, read_json, to_hf
from picochat.interop.model_card import model_card

CONFIG = "config.json"
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}

_CONFIG_SIZE = 10_000_000
"""Bytes of a file: more is none."""


def read_hf(folder: Path, *, name: str | None = None) -> Checkpoint:
    """Read a folder of GPT-2, Llama or Qwen3; weights stay mapped and of the type that they have, where they can.

    Args:
        name: what the model is called; its folder's name when left out.

    Raises:
        CheckpointError: files are missing, damaged, of another model or don't fit together.
    """
    settings = read_json(folder / CONFIG, _CONFIG_SIZE)
    config = config_from_hf(settings, str(folder))
    tokenizer, chats = read_tokenizer(folder, settings)
    if tokenizer.vocab_size > config.vocab_size:
        raise CheckpointError(
            f"{folder} does not fit together: its tokenizer has {tokenizer.vocab_size} tokens, its network only "
            f"{config.vocab_size}."
        )
    architecture = config.architecture
    files = TensorFiles(folder, "transformer." if architecture == "gpt2" else "model.")
    training = {"kind": "chat" if chats else "text", "source": name or folder.name}
    return Checkpoint(config, tokenizer, from_hf(files, config, architecture), training, folder)


def write_hf(
    checkpoint: Checkpoint,
    folder: Path,
    *,
    dtype: str = "float32",
    sampling: Mapping[str, Any] | None = None,
    check: bool = True,
) -> dict[str, Any]:
    """Write a folder that stock transformers loads, and see that it computes the same.

    Args:
        dtype: of the weights: float32, float16 or bfloat16.
        sampling: fields of `generation_config.json`: how to draw unless told otherwise.
        check: load the result with transformers and compare; what differs is not kept.

    Returns:
        Facts of it: `architecture`, `parameters`, `dtype`, `bytes`, and `checked`, what `check_hf` measured.

    Raises:
        ConfigError: a network that no class of transformers holds, or an unknown type.
        CheckpointError: damaged weights, or the result computes something else.
        OutputError: the place can't be written, or holds something.
    """
    if dtype not in DTYPES:
        raise ConfigError(f"Weights can't be written as {dtype!r}; choose one of {', '.join(DTYPES)}.")
    architecture = architecture_of(checkpoint.config)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is there already and holds something; give a new folder.")
    try:
        from safetensors.torch import save_file
    except ImportError:
        raise ConfigError("Writing such a folder needs safetensors; run `pip install safetensors`.") from None
    weights = checkpoint.build().saved_weights()
    tokenizer, turns = checkpoint.tokenizer, checkpoint.tokenizer.turns
    chats = checkpoint.training.get("kind", "chat") == "chat"
    eos = [tokenizer.id_of(token) for token in turns.ends] if chats else [tokenizer.end_of_text]
    settings = config_to_hf(checkpoint.config, dtype=dtype, bos=tokenizer.start_of_text, eos=eos)
    generation = {
        "bos_token_id": tokenizer.start_of_text,
        "eos_token_id": eos,
        "pad_token_id": tokenizer.end_of_text,
        **(sampling or {}),
    }
    with atomic_folder(folder) as temporary:
        save_file(to_hf(weights, checkpoint.config, architecture, DTYPES[dtype]), temporary / ONE_FILE, {"format": "pt"})
        files = {CONFIG: settings, GENERATION: generation} | tokenizer_files(
            tokenizer, checkpoint.config.context, chats=chats
        )
        files["README.md"] = model_card(checkpoint, folder.name, architecture)
        for name, content in files.items():
            text = content if isinstance(content, str) else f"{json.dumps(content, indent=2, ensure_ascii=False)}\n"
            (temporary / name).write_text(text, encoding="utf-8")
        checked = check_hf(temporary, checkpoint, dtype=DTYPES[dtype]) if check else None
        size = sum(path.stat().st_size for path in temporary.iterdir())
    return {
        "architecture": architecture,
        "parameters": checkpoint.config.parameters,
        "dtype": dtype,
        "bytes": size,
        "checked": checked,
    }
