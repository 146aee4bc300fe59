"""The vocabulary of a GGUF file as a `tokenizer.json`, and back.

Two sorts are known: byte-level BPE ("gpt2", whose way of splitting a text first goes by a name), and SentencePiece's BPE
("llama", whose merges follow from the pieces' scores, and whose unknown characters fall back to bytes).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Backend

from picochat.errors import ConfigError
from picochat.interop.gguf_file import GgufFile

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
"""Token types of llama.cpp."""

_SPACE = "\u2581"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_QWEN2 = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + _REST
_LLAMA3 = _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + _REST


def _split_by(regex: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(regex), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )


def _splitters() -> dict[str, pre_tokenizers.PreTokenizer]:
    """What llama.cpp's names of pre-tokenizers mean (llama-vocab.cpp), in terms of the tokenizers library."""
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    digits = pre_tokenizers.Digits(individual_digits=True)
    return {
        "gpt-2": gpt2,
        "smollm": pre_tokenizers.Sequence([digits, gpt2]),
        "qwen2": _split_by(_QWEN2),
        "llama-bpe": _split_by(_LLAMA3),
    }


_ALIASES = {
    "phi-2": "gpt-2", "olmo": "gpt-2", "starcoder": "smollm", "deepseek-r1-qwen": "qwen2", "stablelm2": "qwen2",
    "llama3": "llama-bpe", "llama-v3": "llama-bpe", "falcon3": "llama-bpe", "pixtral": "llama-bpe",
}  # fmt: skip
_WHOLE_WORDS_FIRST = {"llama-bpe"}
"""Where a word that is in the vocabulary is taken as it is, without going through the merges."""


def read_backend(file: GgufFile) -> Backend:
    """The tokenizer of the file.

    Raises:
        CheckpointError: of a sort that picochat has not, or damaged.
    """
    tokens = _strings(file, "tokenizer.ggml.tokens")
    vocab = {token: index for index, token in enumerate(tokens)}
    if len(vocab) < len(tokens):
        raise file.damaged("a token is there twice")
    types = _numbers(file, "tokenizer.ggml.token_type", len(tokens), default=NORMAL)
    sort = file.metadata.get("tokenizer.ggml.model")
    try:
        if sort == "gpt2":
            backend = _byte_level(file, vocab)
        elif sort == "llama":
            backend = _sentence_piece(file, tokens, types)
        else:
            raise file.unsupported(f"its tokenizer is {sort!r:.60}, and picochat knows gpt2 and llama")
    except (ValueError, TypeError) as error:
        raise file.damaged(f"its tokenizer can't be built ({str(error)[:100]})") from None
    special = [tokens[index] for index in np.flatnonzero(np.isin(types, [CONTROL, UNKNOWN]))]
    backend.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special if token])
    words = [tokens[index] for index in np.flatnonzero(types == USER_DEFINED)]
    backend.add_tokens([AddedToken(token, special=False, normalized=False) for token in words if token])
    return backend


def _byte_level(file: GgufFile, vocab: dict[str, int]) -> Backend:
    name = file.metadata.get("tokenizer.ggml.pre")
    splitters = _splitters()
    splitter = _ALIASES.get(str(name), str(name))
    if splitter not in splitters:
        known = ", ".join([*splitters, *_ALIASES])
        raise file.unsupported(f"its tokenizer splits texts the way called {name!r:.60}, and picochat knows {known}")
    merges = [_pair(merge) for merge in _strings(file, "tokenizer.ggml.merges")]
    for left, right in merges:
        if left not in vocab or right not in vocab or left + right not in vocab:
            raise file.damaged(f"a merge of its tokenizer makes no token ({left + ' ' + right!r:.60})")
    backend = Backend(models.BPE(vocab=vocab, merges=merges, ignore_merges=splitter in _WHOLE_WORDS_FIRST))
    backend.pre_tokenizer = splitters[splitter]
    backend.decoder = decoders.ByteLevel()
    return backend


def _pair(merge: str) -> tuple[str, str]:
    # the first character may be a space itself in odd vocabularies; so llama.cpp looks from the second
    place = merge.find(" ", 1)
    return (merge[:place], merge[place + 1 :]) if place > 0 else (merge, "")


def _sentence_piece(file: GgufFile, tokens: list[str], types: np.ndarray[Any, Any]) -> Backend:
    vocab = {token: index for index, token in enumerate(tokens)}
    scores = _numbers(file, "tokenizer.ggml.scores", len(tokens))
    words = {tokens[i]: float(scores[i]) for i in np.flatnonzero(np.isin(types, [NORMAL, USER_DEFINED]))}
    merges, unknown = _merges(words, vocab), [tokens[index] for index in np.flatnonzero(types == UNKNOWN)]
    spare = {"unk_token": next(iter(unknown), None), "fuse_unk": True, "byte_fallback": bool((types == BYTE).any())}
    backend = Backend(models.BPE(vocab=vocab, merges=merges, **spare))
    prefix = bool(file.metadata.get("tokenizer.ggml.add_space_prefix", True))
    marks = normalizers.Replace(" ", _SPACE)
    backend.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), marks] if prefix else [marks])
    ending = [decoders.Strip(" ", left=1, right=0)] if prefix else []
    backend.decoder = decoders.Sequence([decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *ending])
    return backend


def _merges(words: dict[str, float], vocab: dict[str, int]) -> list[tuple[str, str]]:
    """The merges that take the pair whose whole has the highest score first, as SentencePiece does.

    In the order of transformers' converter, so that both read a model the same way.
    """
    merges: list[tuple[float, int, int, str, str]] = []
    for word, score in words.items():
        halves = [(word[:place], word[place:]) for place in range(1, len(word))]
        known = [(left, right) for left, right in halves if left in words and right in words]
        for left, right in sorted(known, key=lambda pair: (vocab[pair[0]], vocab[pair[1]])):
            merges.append((score, len(left), len(right), left, right))
    merges.sort(key=lambda merge: merge[:3], reverse=True)
    return [(left, right) for *_, left, right in merges]


def _strings(file: GgufFile, key: str) -> list[str]:
    value = file.metadata.get(key)
    if not isinstance(value, list):
        raise file.damaged(f"it has no {key}")
    return value


def _numbers(file: GgufFile, key: str, count: int, default: int | None = None) -> np.ndarray[Any, Any]:
    value = file.metadata.get(key)
    if value is None and default is not None:
        return np.full(count, default)
    if not isinstance(value, np.ndarray) or len(value) < count:
        raise file.damaged(f"{key} does not tell of every token")
    return value[:count]


# -- the way out --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Vocabulary:
    """A byte-level BPE as GGUF writes it: tokens in the order of their ids, each with its type, and the merges."""

    pre: str
    tokens: list[str]
    types: list[int]
    merges: list[str]


def gguf_vocabulary(tokenizer_json: str, size: int) -> Vocabulary:
    """What llama.cpp needs to cut texts as this tokenizer does.

    Args:
        tokenizer_json: a `tokenizer.json`.
        size: rows of the embedding; those without a token get names that no text has.

    Raises:
        ConfigError: llama.cpp has no such tokenizer.
    """
    spec = json.loads(tokenizer_json)
    model, pre = spec["model"], _name_of(spec)
    if pre is None:
        raise ConfigError(
            "llama.cpp can't cut texts as this model's tokenizer does, which is none of the byte-level BPEs that it knows; "
            "train the model with `--tokenizer bpe` to export it as GGUF."
        )
    tokens = {index: (token, NORMAL) for token, index in model["vocab"].items()}
    for added in spec["added_tokens"]:
        tokens[added["id"]] = (added["content"], CONTROL if added["special"] else USER_DEFINED)
    rows = [tokens.get(index, (f"[PAD{index}]", UNUSED)) for index in range(size)]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return Vocabulary(pre, [token for token, _ in rows], [kind for _, kind in rows], merges)


def _name_of(spec: dict[str, Any]) -> str | None:
    """Llama.cpp's name for the way this tokenizer splits a text; None where it has none."""
    model = spec["model"]
    extras = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback")
    normal = spec["normalizer"] is None or spec["normalizer"] == {"type": "NFC"}
    if model["type"] != "BPE" or any(model.get(extra) for extra in extras) or not normal:
        return None
    for name, splitter in _splitters().items():
        if _essence(spec["pre_tokenizer"]) == _essence(_as_json(splitter)):
            return name if bool(model.get("ignore_merges")) == (name in _WHOLE_WORDS_FIRST) else None
    return None


def _as_json(splitter: pre_tokenizers.PreTokenizer) -> Any:
    probe = Backend(models.BPE())
    probe.pre_tokenizer = splitter
    return json.loads(probe.to_str())["pre_tokenizer"]


def _essence(splitter: Any) -> Any:
    """A pre-tokenizer without what does not change the split."""
    if isinstance(splitter, dict):
        return {key: _essence(value) for key, value in splitter.items() if key != "trim_offsets"}
    return [_essence(value) for value in splitter] if isinstance(splitter, list) else splitter
