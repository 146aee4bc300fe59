"""GGUF out: a checkpoint as the one file that llama.cpp, Ollama and LM Studio run.

llama.cpp's own converter knows tokenizers by their hashes and refuses one that was trained here, so the metadata and tensors
are written directly. What was written is read again and compared before it takes its name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from picochat.checkpoint import Checkpoint
from picochat.errors import ConfigError
from picochat.files import atomic_file
from picochat.interop.gguf_blocks import WRITABLE, quants, stored_bytes, stored_type, to_blocks
from picochat.interop.gguf_check import GgufCheck, check_gguf
from picochat.interop.gguf_layout import Piece, architecture_of, layout, to_neighbours
from picochat.interop.gguf_vocab import gguf_vocabulary
from picochat.model.config import ModelConfig
from picochat.text.chat_template import template_of


def write_gguf(
    checkpoint: Checkpoint, path: Path, kind: str = "f16", *, name: str = "picochat", check: bool = True
) -> GgufCheck | None:
    """Write a model as GGUF, and compare what was written with the model before it takes its name.

    Args:
        checkpoint: the model; its tokenizer must be a byte-level BPE that llama.cpp knows.
        path: the file to write.
        kind: "f32", "f16" or "q8_0": how the matrices are stored; norms and biases are always f32.
        name: what programs show as the model's name.
        check: whether to compare.

    Returns:
        What was compared.

    Raises:
        ConfigError: an unknown kind, or a model that GGUF or llama.cpp's tokenizers can't hold.
        CheckpointError: weights that don't fit the model's shape.
        OutputError: the place can't be written, or what was written is not the model.
    """
    if kind not in WRITABLE:
        raise ConfigError(f"There is no GGUF kind '{kind}'; choose one of {', '.join(WRITABLE)}.")
    quants()
    architecture = architecture_of(checkpoint.config)
    checkpoint.build()  # weights that don't fit are said before a byte is written
    with atomic_file(path) as temporary:
        _write(checkpoint, temporary, kind, architecture, name)
        return check_gguf(checkpoint, temporary, kind) if check else None


def _write(checkpoint: Checkpoint, path: Path, kind: str, architecture: str, name: str) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(path, architecture)
    try:
        writer.add_type("model")
        writer.add_name(name)
        writer.add_file_type({"f32": 0, "f16": 1, "q8_0": 7}[kind])
        writer.add_quantization_version(2)
        _add_shape(writer, checkpoint.config, architecture)
        _add_vocabulary(writer, checkpoint)
        _write_tensors(writer, checkpoint, kind, architecture)
    finally:
        writer.close()


def _add_shape(writer: Any, config: ModelConfig, architecture: str) -> None:
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.context)
    writer.add_embedding_length(config.dim)
    writer.add_block_count(config.layers)
    writer.add_feed_forward_length(config.ff_dim)
    writer.add_head_count(config.heads)
    writer.add_head_count_kv(config.kv_heads)
    if architecture == "gpt2":
        writer.add_layer_norm_eps(config.norm_eps)
        return
    writer.add_layer_norm_rms_eps(config.norm_eps)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_theta)


def _add_vocabulary(writer: Any, checkpoint: Checkpoint) -> None:
    tokenizer = checkpoint.tokenizer
    vocabulary = gguf_vocabulary(tokenizer.library_json(), checkpoint.config.vocab_size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(vocabulary.pre)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(tokenizer.start_of_text)
    writer.add_pad_token_id(tokenizer.end_of_text)
    writer.add_add_space_prefix(False)
    # conversations and texts begin with it; llama.cpp takes one of two away where the template writes it too
    writer.add_add_bos_token(True)
    if checkpoint.training.get("kind", "chat") == "chat":
        ending = tokenizer.id_of(tokenizer.turns.ends[0])
        writer.add_eos_token_id(ending)
        writer.add_eot_token_id(ending)
        writer.add_chat_template(template_of(tokenizer.turns))
    else:
        writer.add_eos_token_id(tokenizer.end_of_text)


def _write_tensors(writer: Any, checkpoint: Checkpoint, kind: str, architecture: str) -> None:
    """One tensor after the other, so that never two copies of the model are in memory."""
    from gguf.constants import GGMLQuantizationType

    pieces = [
        (name, first, piece)
        for name, parts in layout(checkpoint.config, architecture).items()
        for first, piece in zip(_starts(parts), parts, strict=True)
    ]
    types = [stored_type(piece.shape, piece.name, kind) for *_, piece in pieces]
    for (*_, piece), type_name in zip(pieces, types, strict=True):
        size, dtype = stored_bytes(piece.shape, type_name), np.dtype(np.float32)  # overruled by the type behind it
        writer.add_tensor_info(piece.name, piece.shape, dtype, size, GGMLQuantizationType[type_name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for (name, first, piece), type_name in zip(pieces, types, strict=True):
        writer.write_tensor_data(to_blocks(_rows(checkpoint.weights[name], first, piece), type_name))


def _starts(parts: list[Piece]) -> list[int]:
    """The first row of each part in the weight that they make up."""
    return [sum(part.shape[0] for part in parts[:place]) for place in range(len(parts))]


def _rows(weight: Tensor, first: int, piece: Piece) -> Tensor:
    rows = weight[first : first + piece.shape[0]]
    return to_neighbours(rows, piece.heads) if piece.heads else rows
