from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.text.batches import (
    IGNORE,
    TokenStream,
    byte_lengths,
    encode_documents,
    training_batch,
    validation_batches,
    windows,
)
from picochat.text.chat_format import Message, Part
from picochat.text.corpus import Conversation, Text
from picochat.text.tokenizer import Tokenizer
from tests.conftest import chat_text

TOKENIZER = Tokenizer.train([chat_text()], "bpe", 400)


def stream_of(lengths: list[int]) -> TokenStream:
    """Documents of those lengths whose ids tell their place."""
    starts = np.cumsum([0, *lengths[:-1]])
    return TokenStream(np.arange(sum(lengths), dtype=np.uint32), np.ones(sum(lengths), dtype=np.uint8), starts)


def test_documents_stand_in_a_row_behind_their_marks() -> None:
    stream = encode_documents([Text("One"), Conversation((Message("user", "Hi"), Message("assistant", "Ho")))], TOKENIZER)
    assert [int(stream.ids[start]) for start in stream.starts] == [TOKENIZER.end_of_text] * 2
    assert TOKENIZER.decode(stream.ids[stream.parts == Part.ASSISTANT].tolist()) == "Ho"
    assert TOKENIZER.decode(stream.ids[stream.parts == Part.TEXT].tolist()) == "One"
    assert stream.tokens == len(stream.parts)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=20), st.integers(0, 99), st.integers(0, 9))
def test_a_batch_is_a_function_of_its_step(lengths: list[int], seed: int, step: int) -> None:
    stream = stream_of(lengths)
    one, again = (training_batch(stream, batch=4, length=8, seed=seed, step=step) for _ in range(2))
    assert np.array_equal(one.inputs, again.inputs)
    real = one.targets != IGNORE
    assert np.array_equal(one.targets[real], one.inputs[real] + 1)
    assert one.inputs.shape == one.targets.shape == one.parts.shape == (4, 8)


def test_steps_seeds_and_ranks_see_different_text() -> None:
    stream = stream_of([1000])
    seen = [
        training_batch(stream, batch=4, length=8, seed=seed, step=step, rank=rank).inputs.tobytes()
        for seed in (0, 1, -1, -2)
        for step in (0, 1)
        for rank in (0, 1)
    ]
    assert len(set(seen)) == len(seen)


def test_short_documents_are_seen_from_their_start() -> None:
    stream = stream_of([5, 7, 3, 8] * 10)
    batch = training_batch(stream, batch=200, length=16, seed=0, step=0)
    assert set(batch.inputs[:, 0]) <= set(stream.starts)
    long = training_batch(stream_of([1000]), batch=200, length=16, seed=0, step=0)
    assert len(set(long.inputs[:, 0])) > 50


@given(st.integers(2, 200), st.integers(1, 8), st.integers(1, 20))
def test_validation_counts_every_target_once(tokens: int, batch: int, length: int) -> None:
    targets = [
        target
        for part in validation_batches(stream_of([tokens]), batch=batch, length=length, most=1000)
        for target in part.targets.flatten()
        if target != IGNORE
    ]
    assert sorted(targets) == list(range(1, tokens))


def test_a_bounded_validation_is_spread_over_the_text() -> None:
    parts = list(validation_batches(stream_of([10_000]), batch=4, length=10, most=5))
    first = np.concatenate([part.inputs[:, 0] for part in parts])
    assert len(first) == 20
    assert first.min() == 0
    assert first.max() > 9_900


def test_padding_is_no_target() -> None:
    batch = windows(stream_of([3]), np.array([0]), 6)
    assert batch.targets[0].tolist() == [1, 2, IGNORE, IGNORE, IGNORE, IGNORE]


def test_byte_lengths_add_up_to_the_text() -> None:
    lengths = byte_lengths(TOKENIZER)
    text = "Hello Ada, naïve 😀"
    assert sum(lengths[index] for index in TOKENIZER.encode(text)) == len(text.encode())
    assert lengths[TOKENIZER.im_end] == 0


def test_a_stream_as_long_as_a_window_still_trains() -> None:
    batch = training_batch(stream_of([2]), batch=2, length=8, seed=0, step=0)
    assert (batch.targets != IGNORE).any()
    assert batch.inputs.shape == (2, 8)


@pytest.mark.parametrize(("size", "dtype"), [(400, np.uint16), (70_000, np.uint32)])
def test_ids_take_two_bytes_where_they_fit(size: int, dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TOKENIZER, "vocab_size", size)
    assert encode_documents([Text("x")], TOKENIZER).ids.dtype == dtype
