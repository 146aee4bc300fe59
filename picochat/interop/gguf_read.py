"""GGUF in: a model of llama.cpp, Ollama or LM Studio as a picochat checkpoint.

Numbers in blocks of 4 to 8 bits become fp32, so a file takes up to eight times its size in memory.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from picochat.checkpoint import Checkpoint
from picochat.errors import CheckpointError, ConfigError
from picochat.interop.gguf_blocks import quants, read_tensor
from picochat.interop.gguf_file import GgufFile
from picochat.interop.gguf_layout import Piece, join, layout, to_halves
from picochat.interop.gguf_vocab import read_backend
from picochat.model.config import ARCHITECTURES, ModelConfig
from picochat.text.chat_template import derive_turns
from picochat.text.tokenizer import Tokenizer
from picochat.text.turns import CHATML, END_OF_TEXT

# the names by which llama.cpp knows a token that ends an answer, whatever the metadata says
_ENDINGS = (
    "<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>", END_OF_TEXT, "<|end_of_text|>", "<|eom_id|>", "</s>", "<EOT>",
)  # fmt: skip


def read_gguf(path: Path) -> Checkpoint:
    """Read a model of the architectures gpt2, llama and qwen3, with its tokenizer and chat template.

    Raises:
        CheckpointError: missing, damaged, or a model that picochat has no network or tokenizer for.
        ConfigError: the gguf package is not installed.
    """
    file = GgufFile(path)
    config = read_config(file)
    tokenizer = read_tokenizer(file)
    if tokenizer.vocab_size > config.vocab_size:
        raise file.damaged(f"its tokenizer has {tokenizer.vocab_size} tokens, its network only {config.vocab_size}")
    facts = {"kind": "chat" if "tokenizer.chat_template" in file.metadata else "text", "source": path.name}
    return Checkpoint(config, tokenizer, read_weights(file, config), facts, path)


def read_tokenizer(file: GgufFile) -> Tokenizer:
    """The tokenizer, with the turns that the chat template writes.

    Raises:
        CheckpointError: of a sort that picochat has not, or damaged.
    """
    backend = read_backend(file)
    special = {token.content: index for index, token in backend.get_added_tokens_decoder().items() if token.special}
    facts = _Facts(file, "tokenizer")
    bos, eos = _token(facts, "bos"), _token(facts, "eos")
    if not (bos or eos):
        raise file.damaged("its tokenizer has neither a beginning nor an end")
    eos = eos or bos
    ends = dict.fromkeys([eos, *filter(None, [_token(facts, "eot")]), *(name for name in _ENDINGS if name in special)])
    template = facts.text("chat_template", "") or None
    turns = derive_turns(template, bos=bos, eos=eos, ends=list(ends), special=list(special), name=str(file.path))
    if not file.metadata.get("tokenizer.ggml.add_bos_token", file.metadata["tokenizer.ggml.model"] == "llama"):
        # texts begin without a mark of their own: then behind the one that ends the text before
        mark = END_OF_TEXT if END_OF_TEXT in special else turns.end_of_text
        turns = replace(turns, start_of_text=mark, end_of_text=mark)
    if replace(turns, ends=CHATML.ends) == CHATML:
        turns = CHATML
    return Tokenizer(backend, turns)


def _token(facts: _Facts, name: str) -> str:
    """The text of the token in a role of its own; empty where the file names none."""
    key = f"ggml.{name}_token_id"
    index = facts.integer(key, -1)
    tokens = facts.tokens()
    if index >= len(tokens):
        raise facts.wrong(key, index)
    return tokens[index] if index >= 0 else ""


def read_config(file: GgufFile) -> ModelConfig:
    """The network's shape, from the metadata.

    Raises:
        CheckpointError: an architecture that picochat has not, or metadata that is missing or makes no sense.
    """
    architecture = file.metadata.get("general.architecture")
    if architecture not in ARCHITECTURES:
        raise file.unsupported(f"its architecture is {architecture!r:.60}, and picochat knows {', '.join(ARCHITECTURES)}")
    facts = _Facts(file, str(architecture))
    heads, dim = facts.integer("attention.head_count"), facts.integer("embedding_length")
    head_dim = facts.integer("attention.key_length", dim // max(heads, 1))
    if facts.integer("attention.value_length", head_dim) != head_dim:
        raise file.unsupported("its values are not as wide as its keys")
    if "token_embd.weight" not in file.tensors:
        raise file.damaged("the tensor 'token_embd.weight' is missing")
    shape: dict[str, Any] = {
        "architecture": architecture,
        "vocab_size": file.tensors["token_embd.weight"].shape[0],
        "context": facts.integer("context_length"),
        "layers": facts.integer("block_count"),
        "heads": heads,
        "kv_heads": facts.integer("attention.head_count_kv", heads),
        "dim": dim,
        "head_dim": head_dim,
        "ff_dim": facts.integer("feed_forward_length"),
        "tied": "output.weight" not in file.tensors,
    }
    if architecture == "gpt2":
        shape["norm_eps"] = facts.number("attention.layer_norm_epsilon")
    else:
        shape["norm_eps"] = facts.number("attention.layer_norm_rms_epsilon")
        shape["rope_theta"] = facts.number("rope.freq_base", 10_000.0)
        _check_rope(file, facts, head_dim)
    if facts.integer("expert_count", 0):
        raise file.unsupported("it is a mixture of experts, and picochat has one feed-forward part a block")
    try:
        return ModelConfig.create(**shape)
    except ConfigError as error:
        raise file.damaged(str(error).rstrip(".")) from None


def _check_rope(file: GgufFile, facts: _Facts, head_dim: int) -> None:
    """Rotary positions as picochat turns them: all of a head, none of them scaled."""
    if facts.integer("rope.dimension_count", head_dim) != head_dim:
        raise file.unsupported("its rotary positions turn only a part of each head")
    if facts.text("rope.scaling.type", "none") != "none" or "rope_freqs.weight" in file.tensors:
        raise file.unsupported("its rotary positions are scaled, which picochat's are not")


def read_weights(file: GgufFile, config: ModelConfig) -> dict[str, Tensor]:
    """The network's weights by picochat's names.

    Raises:
        CheckpointError: tensors that are missing, too many, or of another shape than the metadata says.
    """
    quants()  # what is missing is said before the work
    table = layout(config, config.architecture)
    pieces = [piece for parts in table.values() for piece in parts]
    for piece in pieces:
        entry = file.tensors.get(piece.name)
        if entry is None:
            raise file.damaged(f"the tensor '{piece.name}' is missing")
        if entry.shape != piece.shape:
            raise file.damaged(f"the tensor '{piece.name}' is {entry.shape} and should be {piece.shape}")
    if extra := sorted(set(file.tensors) - {piece.name for piece in pieces}):
        raise file.unsupported(f"the tensor '{extra[0]:.60}' belongs to no part of picochat's network")
    return {name: join([_read_piece(file, piece) for piece in parts]) for name, parts in table.items()}


def _read_piece(file: GgufFile, piece: Piece) -> Tensor:
    tensor = read_tensor(file, file.tensors[piece.name])
    return to_halves(tensor, piece.heads) if piece.heads else tensor


class _Facts:
    """The metadata under one prefix, each of the type it should be."""

    def __init__(self, file: GgufFile, architecture: str) -> None:
        self._file, self._prefix = file, architecture

    def integer(self, name: str, default: int | None = None) -> int:
        value = self._value(name, default)
        if isinstance(value, np.ndarray) and value.size and (value == value[0]).all():
            value = value[0].item()  # one number for each block, all the same
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(name, value)
        return value

    def number(self, name: str, default: float | None = None) -> float:
        value = self._value(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < float("inf"):
            raise self.wrong(name, value)
        # the file has 32 bits: 1e-05 comes back as that, not as 9.999999747378752e-06
        return float(str(np.float32(value)))

    def text(self, name: str, default: str) -> str:
        value = self._value(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, value)
        return value

    def tokens(self) -> list[str]:
        value = self._value("ggml.tokens", None)
        if not isinstance(value, list):
            raise self.wrong("ggml.tokens", value)
        return value

    def _value(self, name: str, default: object) -> object:
        value = self._file.metadata.get(f"{self._prefix}.{name}", default)
        if value is None:
            raise self._file.damaged(f"it does not say {self._prefix}.{name}")
        return value

    def wrong(self, name: str, value: object) -> CheckpointError:
        return self._file.damaged(f"{self._prefix}.{name} can't be {str(value)!r:.60}")
