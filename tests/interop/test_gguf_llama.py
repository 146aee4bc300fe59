"""llama.cpp as the judge: of files that we write, and of how we read files that we did not write."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picochat.errors import OutputError
from picochat.interop.gguf_check import compare_with_llama, open_llama
from picochat.interop.gguf_layout import layout
from picochat.interop.gguf_read import read_gguf
from picochat.interop.gguf_vocab import gguf_vocabulary
from picochat.interop.gguf_write import write_gguf
from picochat.model.cache import KVCache
from picochat.text.chat_format import ChatFormat, Message
from picochat.text.tokenizer import Tokenizer
from tests.interop.gguf_models import ARCHITECTURES, rewrite, tiny
from tests.interop.test_gguf_read import blocks
from tests.interop.test_gguf_vocab import PIECES, SPLITS, trained

llama_cpp = pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed")

REAL = os.environ.get("PICOCHAT_TEST_GGUF")
"""A model to compare with, such as SmolLM2-135M-Instruct; every test has an environment of its own, so it is read here."""
TALK = [Message("system", "Be kind."), Message("user", "Hi, I'm Ada."), Message("assistant", "Hello!"), Message("user", "?")]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("kind", ["f32", "f16", "q8_0"])
def test_llama_cpp_answers_as_we_do(tmp_path: Path, architecture: str, kind: str) -> None:
    check = write_gguf(tiny(architecture), tmp_path / "m.gguf", kind)
    assert check.judge == "llama.cpp"
    assert 0 < check.difference < check.tolerance
    assert check.tokens == 12


def test_an_untied_head_and_a_padded_vocabulary_too(tmp_path: Path) -> None:
    check = write_gguf(tiny("llama", tied=False, vocab_size=448), tmp_path / "m.gguf", "f32")
    assert check.judge == "llama.cpp"


def test_heads_of_their_own_width_too(tmp_path: Path) -> None:
    assert write_gguf(tiny("qwen3", head_dim=32, kv_heads=1), tmp_path / "m.gguf", "f32").judge == "llama.cpp"


def test_another_network_would_be_noticed(tmp_path: Path) -> None:
    write_gguf(tiny("llama"), tmp_path / "m.gguf", "f32")
    peer = open_llama(tmp_path / "m.gguf", 24)
    other = read_gguf(tmp_path / "m.gguf")
    other.weights["blocks.0.attention.qkv.weight"][:16] *= 1.2
    with pytest.raises(OutputError, match=r"standard deviations away|another token"):
        compare_with_llama(other, peer, 0.01)


def test_another_tokenizer_would_be_noticed(tmp_path: Path) -> None:
    write_gguf(tiny("llama"), tmp_path / "m.gguf", "f32")
    peer, other = open_llama(tmp_path / "m.gguf", 24), read_gguf(tmp_path / "m.gguf")
    other.tokenizer = Tokenizer.train(["Hello, world!"], "bpe", 270)
    with pytest.raises(OutputError, match=r"llama\.cpp cuts"):
        compare_with_llama(other, peer, 0.01)


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K", "BF16"])
def test_blocks_are_read_as_llama_cpp_reads_them(tmp_path: Path, kind: str) -> None:
    model = tiny("llama", dim=256, heads=4, ff_dim=256)
    write_gguf(model, tmp_path / "f32.gguf", "f32")
    kind_id = gguf.GGMLQuantizationType[kind]
    tensors: dict[str, Any] = {}
    for parts in layout(model.config, "llama").values():
        for piece in parts:
            if len(piece.shape) == 2:
                rows, width = piece.shape
                random = np.random.default_rng(5).normal(size=piece.shape).astype(np.float32)
                raw = gguf.quants.quantize(random, kind_id) if kind == "BF16" else blocks(kind, rows, width)
                tensors[piece.name] = (raw, kind_id)
    path = rewrite(tmp_path / "f32.gguf", tmp_path / "m.gguf", **tensors)
    # llama.cpp rounds activations to 8 bits for all but BF16
    check = compare_with_llama(read_gguf(path), open_llama(path, 24), 0.5)
    assert check.tokens == 12


def test_a_chat_in_llama_cpp_has_our_tokens(tmp_path: Path) -> None:
    model = tiny("qwen3")
    write_gguf(model, tmp_path / "m.gguf", "f32")
    peer = open_llama(tmp_path / "m.gguf", 64)
    formatter = llama_cpp.llama_chat_format.Jinja2ChatFormatter(
        template=peer.metadata["tokenizer.chat_template"], bos_token="<|endoftext|>", eos_token="<|im_end|>"
    )
    talk = [{"role": message.role, "content": message.content} for message in TALK]
    text = formatter(messages=talk).prompt
    ids = peer.tokenize(text.encode(), add_bos=False, special=True)
    assert ids == ChatFormat(model.tokenizer).prompt(TALK)
    assert peer.token_eos() == model.tokenizer.id_of("<|im_end|>")
    assert peer.token_bos() == ids[0]


def vocabulary_only(path: Path, source: Path, **metadata: Any) -> Any:
    """Llama.cpp with the vocabulary of a changed file."""
    prefixed = {f"tokenizer.ggml.{name}": value for name, value in metadata.items()}
    count = len(metadata["tokens"])
    embedding = (np.zeros((count, 64), np.float32), gguf.GGMLQuantizationType.F32)
    left_out = ("tokenizer.ggml.merges", "tokenizer.ggml.pre", "tokenizer.chat_template")
    drop = tuple(name for name in left_out if name not in prefixed)
    rewrite(source, path, drop=drop, **prefixed, **{"llama.vocab_size": count, "token_embd.weight": embedding})
    return llama_cpp.Llama(str(path), vocab_only=True, verbose=False)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("llama") / "source.gguf"
    write_gguf(tiny("llama"), path, "f32")
    return path


TEXTS = st.text(st.sampled_from("aeHiInto 's12\n\r\t'LL.,!é日😀_ab\u0301\u00bd"), max_size=30)


@pytest.mark.parametrize("pre", [*SPLITS, "smollm"])
def test_byte_level_texts_are_cut_as_llama_cpp_cuts_them(tmp_path: Path, source: Path, pre: str) -> None:
    backend = Tokenizer.train(["It's 12345 o'clock, we'll go."], "bpe", 300)._backend if pre == "smollm" else trained(pre)
    vocabulary = gguf_vocabulary(backend.to_str(), backend.get_vocab_size())
    assert vocabulary.pre == pre
    words = {"tokens": vocabulary.tokens, "token_type": vocabulary.types, "merges": vocabulary.merges}
    peer = vocabulary_only(tmp_path / "m.gguf", source, **words, pre=pre, eos_token_id=0, eot_token_id=0)
    ours = read_gguf(tmp_path / "m.gguf").tokenizer

    @given(TEXTS)
    @settings(suppress_health_check=[HealthCheck.nested_given])
    def same(text: str) -> None:
        assert ours.encode(text) == peer.tokenize(text.encode(), add_bos=False, special=False)

    same()


@pytest.mark.parametrize("prefix", [True, False])
def test_sentence_piece_texts_are_cut_as_llama_cpp_cuts_them(tmp_path: Path, source: Path, prefix: bool) -> None:
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *PIECES]
    types = [2, 3, 3, *[6] * 256, *[1] * len(PIECES)]
    scores = [0.0] * 259 + [-float(place) for place in range(len(PIECES))]
    peer = vocabulary_only(
        tmp_path / "m.gguf", source, model="llama", tokens=tokens, token_type=types, scores=scores, add_space_prefix=prefix,
        bos_token_id=1, eos_token_id=2, eot_token_id=2, padding_token_id=2,
    )  # fmt: skip
    ours = read_gguf(tmp_path / "m.gguf").tokenizer

    @given(st.text(st.sampled_from("abcd é😀\n"), max_size=30))
    @settings(suppress_health_check=[HealthCheck.nested_given])
    def same(text: str) -> None:
        theirs = peer.tokenize(text.encode(), add_bos=False, special=False)
        assert ours.encode_document(text) == theirs

    same()


@pytest.mark.skipif(REAL is None, reason="PICOCHAT_TEST_GGUF names no GGUF file")
def test_a_real_model_answers_as_in_llama_cpp() -> None:
    assert REAL is not None
    checkpoint, peer = read_gguf(Path(REAL)), open_llama(Path(REAL), 64)
    # blocks of 4 bits: llama.cpp rounds activations to 8 bits in every product, and 30 blocks add up
    check = compare_with_llama(checkpoint, peer, 0.6)
    print(check)
    # token by token, with a cache: where the choice is clear, as a fact is, both write the same
    ids = checkpoint.tokenizer.encode("The capital of France is")
    said, theirs = [], []
    with torch.inference_mode():
        model, cache = checkpoint.build(), KVCache(checkpoint.config)
        logits = model(torch.tensor([ids]), cache, last_only=True)
        for _ in range(8):
            said.append(int(logits[0, -1].argmax()))
            logits = model(torch.tensor([said[-1:]]), cache, last_only=True)
    peer.reset()
    peer.eval(ids)
    for _ in range(8):
        theirs.append(int(peer.scores[peer.n_tokens - 1].argmax()))
        peer.eval(theirs[-1:])
    assert theirs == said
    assert "Paris" in checkpoint.tokenizer.decode(said)
