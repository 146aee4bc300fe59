"""What the pieces of a vocabulary stand for, in all the ways in which a `tokenizer.json` can write them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from tokenizers import Tokenizer as Backend

BYTE_TOKEN = re.compile(r"<0x([0-9A-F]{2})>\Z")
"""A piece that stands for a single byte."""

_LISTS = ("normalizers", "pretokenizers", "decoders")


def byte_table(backend: Backend, decoder: Any) -> list[bytes]:
    """The bytes that each id stands for; none for special tokens and for ids without a piece.

    Args:
        decoder: the decoder's part of the tokenizer's JSON.
    """
    vocab = backend.get_vocab(with_added_tokens=True)
    added = backend.get_added_tokens_decoder()
    table = [b""] * (max(vocab.values()) + 1)
    steps = list(_steps(decoder))
    byte_level = any(step["type"] == "ByteLevel" for step in steps)
    # what a piece's characters stand for, in SentencePiece's way mostly a space
    replaced = [(step["replacement"], " ") for step in steps if step["type"] == "Metaspace"]
    replaced += [
        (step["pattern"]["String"], step["content"])
        for step in steps
        if step["type"] == "Replace" and "String" in step["pattern"]
    ]
    for piece, index in vocab.items():
        if index in added:
            if added[index].special:
                continue
            table[index] = piece.encode("utf-8", errors="replace")
        elif byte_level:
            table[index] = _from_byte_level(piece)
        elif match := BYTE_TOKEN.match(piece):
            table[index] = bytes([int(match[1], 16)])
        else:
            for theirs, ours in replaced:
                piece = piece.replace(theirs, ours)
            table[index] = piece.encode("utf-8", errors="replace")
    return table


def without_prefix(backend: Backend, description: dict[str, Any]) -> tuple[Backend, Literal["", "once", "always"]]:
    """The tokenizer without the space that it puts in front of a text, and when it does: where none is yet, or always.

    Args:
        description: the tokenizer's JSON, to be changed.
    """
    prefix: Literal["", "once", "always"] = ""
    for step in _steps(description["pre_tokenizer"]):
        if step["type"] == "Metaspace" and step.get("prepend_scheme", "always") != "never":
            step["prepend_scheme"], prefix = "never", "once"
        elif step["type"] == "ByteLevel" and step.get("add_prefix_space"):
            step["add_prefix_space"], prefix = False, "once"
    for step in _steps(description["normalizer"]):
        if step["type"] == "Prepend":
            step["prepend"], prefix = "", "always"
    if not prefix:
        return backend, ""
    changed = Backend.from_str(json.dumps(description))
    changed.encode_special_tokens = True
    return changed, prefix


def _steps(part: Any) -> Iterator[dict[str, Any]]:
    """The steps of a part of a `tokenizer.json`, which may be one, several, or several inside of each other."""
    if isinstance(part, dict):
        inner = next((part[name] for name in _LISTS if name in part), None)
        yield from [part] if inner is None else (step for each in inner for step in _steps(each))


class _Alphabet(dict[int, int]):
    """The printable character that byte-level BPE writes for each byte (GPT-2's table), the other way round."""

    def __init__(self) -> None:
        printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
        rest = sorted(set(range(256)) - set(printable))
        super().__init__(zip([*printable, *range(256, 256 + len(rest))], [*printable, *rest], strict=True))

    def __missing__(self, character: int) -> int:
        return 0xFFFF  # no byte


_ALPHABET = _Alphabet()


def _from_byte_level(piece: str) -> bytes:
    """Bytes of a byte-level piece; a piece outside the alphabet (an added word) is plain text."""
    try:
        return piece.translate(_ALPHABET).encode("latin-1")
    except UnicodeEncodeError:
        return piece.encode("utf-8", errors="replace")
