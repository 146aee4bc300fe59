"""Tokenizers out of GGUF files and into them."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import gguf
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from picochat.errors import CheckpointError, ConfigError
from picochat.interop.gguf_file import GgufFile
from picochat.interop.gguf_vocab import gguf_vocabulary, read_backend
from picochat.text import tokenizer as ours
from tests.conftest import chat_text

# the words of the tokenizer.json files of the models that gave llama.cpp's pre-tokenizers their names
SPLITS = {
    "llama-bpe": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+",
    "qwen2": r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+",
    "gpt-2": "",
}
PIECES = ["\u2581", "a", "b", "ab", "\u2581a", "\u2581ab", "ba", "abab", "c", "\u2581c", "bab", "\u2581ba", "d", "\u00e9"]


def trained(pre: str) -> Tokenizer:
    backend = Tokenizer(models.BPE(ignore_merges=pre == "llama-bpe"))
    if pre == "gpt-2":
        # its own regex is the one that the library has built in
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(SPLITS[pre]), "isolated"), byte_level])
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[AddedToken("<|endoftext|>", special=True)],
    )  # fmt: skip
    backend.train_from_iterator([chat_text(), "It's 12345 o'clock.\r\n\r\n  I'LL go, we've 99!!"] * 3, trainer)
    backend.add_tokens([AddedToken("<tool>", special=False, normalized=False)])
    return backend


def write(path: Path, tokens: list[str], types: list[int], **metadata: object) -> GgufFile:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    for name, value in metadata.items():
        kind = gguf.GGUFValueType.get_type(value)
        inner = gguf.GGUFValueType.get_type(value[0]) if isinstance(value, list) else None
        writer.add_key_value(f"tokenizer.ggml.{name}", value, kind, inner)
    writer.add_tensor("t", np.zeros(32, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return GgufFile(path)


@functools.cache
def byte_level(path: Path, pre: str) -> tuple[Tokenizer, Tokenizer]:
    """A tokenizer of the library, and what comes of it through a file."""
    backend = trained(pre)
    spec = json.loads(backend.to_str())
    vocab = backend.get_vocab(with_added_tokens=True)
    tokens = sorted(vocab, key=vocab.__getitem__)
    types = [{"<|endoftext|>": 3, "<tool>": 4}.get(token, 1) for token in tokens]
    merges = [" ".join(merge) for merge in spec["model"]["merges"]]
    return backend, read_backend(write(path, tokens, types, model="gpt2", pre=pre, merges=merges))


@pytest.mark.parametrize("pre", SPLITS)
@given(st.text(st.sampled_from("aeHiInto 's19\n\r\t'LL.,!é日😀<tool>"), max_size=40))
def test_a_byte_level_tokenizer_cuts_texts_as_the_one_it_came_from(
    tmp_path_factory: pytest.TempPathFactory, pre: str, text: str
) -> None:
    backend, read = byte_level(tmp_path_factory.getbasetemp() / f"{pre}.gguf", pre)
    assert read.encode(text).ids == backend.encode(text).ids
    assert read.decode(read.encode(text).ids) == text


@functools.cache
def sentence_piece(path: Path, prefix: bool = True) -> tuple[dict[str, float], Tokenizer]:
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *PIECES]
    types = [2, 3, 3, *[6] * 256, *[1] * len(PIECES)]
    scores = {piece: -float(place) if place % 3 else -2.0 for place, piece in enumerate(PIECES)}
    numbers = [0.0] * 259 + list(scores.values())
    file = write(path, tokens, types, model="llama", scores=numbers, add_space_prefix=prefix)
    return scores, read_backend(file)


def test_merges_of_scores_are_those_of_transformers(tmp_path: Path) -> None:
    from transformers.convert_slow_tokenizer import generate_merges  # slow to import

    scores, read = sentence_piece(tmp_path / "m.gguf")
    spec = json.loads(read.to_str())["model"]
    expected = generate_merges({piece: spec["vocab"][piece] for piece in PIECES}, scores)
    assert [tuple(merge) for merge in spec["merges"]] == expected
    assert len(expected) > 10


@given(text=st.text(st.sampled_from("abcd é😀\n"), max_size=30), prefix=st.booleans())
def test_a_sentence_piece_text_comes_back(tmp_path_factory: pytest.TempPathFactory, text: str, prefix: bool) -> None:
    backend = sentence_piece(tmp_path_factory.getbasetemp() / "spm.gguf", prefix)[1]
    assert backend.decode(backend.encode(text).ids) == text
    tokenizer = ours.Tokenizer(backend)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_marks_in_a_text_are_text(tmp_path: Path) -> None:
    tokenizer = ours.Tokenizer(sentence_piece(tmp_path / "m.gguf")[1])
    ids = tokenizer.encode("a</s>b")
    assert tokenizer.id_of("</s>") not in ids
    assert tokenizer.decode(ids) == "a</s>b"


def test_a_vocabulary_goes_out_as_it_came_in(tmp_path: Path) -> None:
    for pre in SPLITS:
        backend, read = byte_level(tmp_path / f"{pre}.gguf", pre)
        file = GgufFile(tmp_path / f"{pre}.gguf")
        vocabulary = gguf_vocabulary(read.to_str(), backend.get_vocab_size() + 2)
        size = backend.get_vocab_size()
        assert vocabulary.pre == pre
        assert vocabulary.tokens == [*file.metadata["tokenizer.ggml.tokens"], f"[PAD{size}]", f"[PAD{size + 1}]"]
        assert vocabulary.types == [*file.metadata["tokenizer.ggml.token_type"].tolist(), 5, 5]
        assert vocabulary.merges == file.metadata["tokenizer.ggml.merges"]


def test_picochats_own_split_is_the_one_called_smollm() -> None:
    tokenizer = ours.Tokenizer.train([chat_text()], "bpe", 300)
    assert gguf_vocabulary(tokenizer.library_json(), tokenizer.vocab_size).pre == "smollm"


@pytest.mark.parametrize("kind", ["char", "word"])
def test_vocabularies_that_llama_cpp_can_not_use_are_refused(kind: str) -> None:
    tokenizer = ours.Tokenizer.train([chat_text()], kind, 400)
    with pytest.raises(ConfigError, match="--tokenizer bpe"):
        gguf_vocabulary(tokenizer.library_json(), tokenizer.vocab_size)


def test_a_split_that_is_nearly_known_is_refused() -> None:
    spec = json.loads(trained("gpt-2").to_str())
    with pytest.raises(ConfigError):
        gguf_vocabulary(json.dumps({**spec, "normalizer": {"type": "Lowercase"}}), 600)
    llama = json.loads(trained("llama-bpe").to_str())
    llama["model"]["ignore_merges"] = False
    with pytest.raises(ConfigError):
        gguf_vocabulary(json.dumps(llama), 600)


def test_a_token_twice_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "m.gguf", ["a", "a"], [1, 1], model="gpt2", pre="gpt-2", merges=["a a"])
    with pytest.raises(CheckpointError, match="twice"):
        read_backend(file)
