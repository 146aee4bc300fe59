from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.errors import DataError
from picochat.text.batches import IGNORE, Batch, TokenStream, encode_documents, shuffled, strided_batch
from picochat.text.chat_format import ChatFormat, Message, Part
from picochat.text.corpus import Conversation, Document, Text
from picochat.text.packing import MODES, Packing, batch_maker, pack
from picochat.text.tokenizer import Tokenizer
from tests.conftest import chat_text
from tests.text.test_batches import stream_of

TOKENIZER = Tokenizer.train([chat_text()], "bpe", 400)

LENGTHS = st.lists(st.integers(2, 30), min_size=1, max_size=40)
TURNS = st.lists(
    st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text(alphabet="abc ", max_size=12)),
    min_size=1,
    max_size=6,
)


def epoch_of(packing: Packing, epoch: int = 0) -> list[list[int]]:
    return [packing.documents[packing.row(row, epoch)].tolist() for row in range(packing.rows)]


def conversation(turns: list[tuple[str, str]]) -> Conversation:
    return Conversation(tuple(Message(role, text) for role, text in turns))  # type: ignore[arg-type]


@given(LENGTHS, st.integers(1, 24), st.integers(0, 3))
def test_an_epoch_has_every_document_once_and_no_row_too_full(lengths: list[int], length: int, epoch: int) -> None:
    packing = Packing(stream_of(lengths), length, seed=1)
    rows = epoch_of(packing, epoch)
    assert sorted(document for row in rows for document in row) == list(range(len(lengths)))
    for row in rows:
        assert 0 < sum(min(lengths[document], length + 1) for document in row) <= length + 1
    assert packing.tokens == sum(min(size, length + 1) for size in lengths)
    assert packing.dropped == sum(lengths) - packing.tokens


@given(LENGTHS, st.integers(1, 24), st.integers(0, 99), st.integers(0, 9))
def test_rows_hold_whole_documents_from_their_starts_and_padding_at_the_end_only(
    lengths: list[int], length: int, seed: int, step: int
) -> None:
    # the ids of this stream are their own places
    stream = stream_of(lengths)
    packing = Packing(stream, length, seed)
    batch = packing.batch(batch=3, step=step)
    again = Packing(stream, length, seed).batch(batch=3, step=step)
    assert batch.inputs.tobytes() == again.inputs.tobytes()
    assert batch.targets.tobytes() == again.targets.tobytes()
    ends = stream.ends(np.arange(len(lengths)))
    for inputs, targets in zip(batch.inputs, batch.targets, strict=True):
        real = targets != IGNORE
        count = int(real.sum())
        assert real[:count].all()
        assert count
        row = [int(inputs[0]), *targets[:count].tolist()]
        assert inputs[:count].tolist() == row[:-1]
        # each run of places begins at a start, and ends at that document's end or with the row
        place = 0
        while place < len(row):
            document = int(np.flatnonzero(stream.starts == row[place])[0])
            size = min(lengths[document], length + 1)
            assert row[place : place + size] == list(range(row[place], row[place] + size))
            assert size == length + 1 or row[place + size - 1] == ends[document] - 1
            place += size


@given(st.lists(st.integers(1, 50), min_size=1, max_size=200), st.integers(0, 20))
def test_packing_is_best_fit_longest_first(lengths: list[int], more: int) -> None:
    """The counted packing uses as many rows as the plain algorithm does document by document."""
    room = max(lengths) + more
    rows: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [space for space in rows if space >= length]
        if fitting:
            rows.remove(min(fitting))
        rows.append((min(fitting) if fitting else room) - length)
    layouts = pack(np.array(lengths), room)
    assert sum(layout.count for layout in layouts) == len(rows)
    assert sorted(size for layout in layouts for size in layout.lengths * layout.count) == sorted(lengths)
    assert all(sum(layout.lengths) <= room for layout in layouts)


def test_epochs_seeds_and_steps_differ_and_ranks_share_an_epoch() -> None:
    stream = stream_of([5, 7, 9, 4] * 100)
    packing = Packing(stream, 31, seed=3)
    assert epoch_of(packing, 0) != epoch_of(packing, 1)
    assert epoch_of(packing, 0) != epoch_of(Packing(stream, 31, seed=4), 0)
    ranks, size = 3, 4
    steps = packing.rows // (ranks * size)
    parts = [packing.batch(batch=size, step=step, rank=rank, ranks=ranks) for step in range(steps) for rank in range(ranks)]
    seen = [int(token) for part in parts for token in inputs_of(part)]
    assert len(seen) == len(set(seen))
    assert len(seen) > 0.9 * stream.tokens


def inputs_of(batch: Batch) -> list[int]:
    """Tokens of a batch that are not padding: each row's first and all targets."""
    return [*batch.inputs[:, 0].tolist(), *batch.targets[batch.targets != IGNORE].tolist()]


def test_a_batch_on_the_border_of_epochs_takes_the_rest_of_one_and_some_of_the_next() -> None:
    stream = stream_of([4] * 10)
    packing = Packing(stream, 3, seed=0)
    assert packing.rows == 10
    rows = [row for step in range(5) for row in packing.batch(batch=4, step=step).inputs[:, 0].tolist()]
    assert sorted(rows[:10]) == sorted(rows[10:]) == stream.starts.tolist()
    assert packing.batch(batch=4, step=2).inputs[:, 0].tolist() == rows[8:12]


def test_a_few_long_steps_ahead_cost_no_walk_through_the_epochs() -> None:
    packing = Packing(stream_of([4, 6, 3] * 50), 16, seed=0)
    far = packing.batch(batch=4, step=10**9)
    assert far.inputs.tobytes() == Packing(stream_of([4, 6, 3] * 50), 16, seed=0).batch(batch=4, step=10**9).inputs.tobytes()


def test_validation_rows_take_each_document_once() -> None:
    stream = stream_of([5, 7, 9, 4] * 5)
    batches = list(Packing(stream, 20).batches(batch=3, most=1000))
    assert sorted(token for batch in batches for token in inputs_of(batch)) == list(range(stream.tokens))
    assert len(list(Packing(stream, 20).batches(batch=2, most=2))) == 2


# -- chats ----------------------------------------------------------------------------------------------------------------


@given(st.lists(TURNS, min_size=1, max_size=8), st.integers(8, 60), st.integers(0, 5))
def test_every_row_of_a_chat_has_targets_and_all_are_the_assistants(
    talks: list[list[tuple[str, str]]], length: int, step: int
) -> None:
    stream = encode_documents([conversation(turns) for turns in talks], TOKENIZER)
    try:
        packing = Packing(stream, length, chat=True)
    except DataError:
        # no answer begins within a row
        for start, end in zip(stream.starts, stream.ends(np.arange(len(talks))), strict=True):
            assert Part.ASSISTANT not in stream.parts[start : min(end, start + length + 1)]
        return
    batch = packing.batch(batch=3, step=step)
    learnt = batch.targets != IGNORE
    assert learnt.any(axis=1).all()
    assert set(batch.parts[learnt]) == {Part.ASSISTANT}


def test_only_answers_are_learnt_and_all_of_them() -> None:
    talk = conversation([("user", "Hi"), ("assistant", "Hello Ada"), ("user", "So?"), ("assistant", "Oh.")])
    stream = encode_documents([Text("Nothing said."), talk, conversation([("user", "Alone")])], TOKENIZER)
    packing = Packing(stream, 100, chat=True)
    assert packing.documents.tolist() == [1]
    batch = packing.batch(batch=1, step=0)
    targets = batch.targets[batch.targets != IGNORE].tolist()
    end = [TOKENIZER.im_end]
    assert targets == [*TOKENIZER.encode("Hello Ada"), *end, *TOKENIZER.encode("Oh."), *end]


def test_an_answer_of_weight_0_is_read_and_not_learnt() -> None:
    turns = (Message("user", "Hi"), Message("assistant", "Potatoes", learnt=False), Message("user", "What?"))
    talk = Conversation((*turns, Message("assistant", "Sorry.")))
    stream = encode_documents([Conversation(turns), talk], TOKENIZER)
    assert [*stream.ids][stream.starts[1] :] == ChatFormat(TOKENIZER).render(talk.messages).ids
    assert [*stream.parts][stream.starts[1] :] == ChatFormat(TOKENIZER).render(talk.messages).parts
    packing = Packing(stream, 100, chat=True)
    assert packing.documents.tolist() == [1]
    batch = packing.batch(batch=1, step=0)
    assert batch.targets[batch.targets != IGNORE].tolist() == [*TOKENIZER.encode("Sorry."), TOKENIZER.im_end]
    assert "Potatoes" in TOKENIZER.decode(batch.inputs[0].tolist())


def test_a_long_conversation_ends_after_its_last_whole_answer() -> None:
    turns = [("user", "Hi"), ("assistant", "Hello"), ("user", "More"), ("assistant", "much longer than fits " * 9)]
    stream = encode_documents([conversation(turns)], TOKENIZER)
    short = len(ChatFormat(TOKENIZER).render(conversation(turns[:2]).messages).ids)
    packing = Packing(stream, short + 6, chat=True)
    batch = packing.batch(batch=1, step=0)
    # the newline after the answer is left to the next turn
    assert packing.tokens == short - 1
    assert batch.targets[batch.targets != IGNORE].tolist() == [*TOKENIZER.encode("Hello"), TOKENIZER.im_end]
    assert packing.dropped == stream.tokens - packing.tokens


def test_an_answer_longer_than_the_row_is_learnt_as_far_as_it_goes() -> None:
    stream = encode_documents([conversation([("user", "Hi"), ("assistant", "word " * 99)])], TOKENIZER)
    batch = Packing(stream, 30, chat=True).batch(batch=1, step=0)
    assert batch.targets[0, -1] != IGNORE
    assert TOKENIZER.im_end not in batch.targets[0][batch.targets[0] != IGNORE]


@pytest.mark.parametrize("documents", [[Text("Only a text.")], [conversation([("user", "No answer")])]])
def test_chats_without_an_answer_are_refused(documents: list[Document]) -> None:
    with pytest.raises(DataError, match="no conversation with an answer"):
        Packing(encode_documents(documents, TOKENIZER), 64, chat=True)


# -- strides --------------------------------------------------------------------------------------------------------------


@given(st.integers(1, 3000), st.integers(0, 5), st.integers(0, 5))
def test_a_shuffle_has_every_place_once(size: int, seed: int, epoch: int) -> None:
    places = np.arange(size)
    assert sorted(shuffled(places, size, seed, epoch).tolist()) == list(range(size))
    some = places[::7]
    assert shuffled(some, size, seed, epoch).tolist() == shuffled(places, size, seed, epoch)[::7].tolist()


def test_shuffles_differ_and_leave_no_order() -> None:
    places = np.arange(1000)
    orders = [shuffled(places, 1000, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    assert len({order.tobytes() for order in orders}) == 4
    assert abs(np.corrcoef(places, orders[0])[0, 1]) < 0.15
    assert abs(np.corrcoef(orders[0][:-1], orders[0][1:])[0, 1]) < 0.15


@given(st.integers(2, 300), st.integers(1, 20), st.integers(1, 3))
def test_strides_of_a_window_learn_every_target_once_an_epoch(tokens: int, length: int, ranks: int) -> None:
    stream = stream_of([tokens])
    count = -(-(tokens - 1) // length)
    targets: list[int] = []
    for step in range(-(-count // ranks)):
        for rank in range(ranks):
            if step * ranks + rank < count:
                options = {"stride": length, "seed": 2, "step": step, "rank": rank, "ranks": ranks}
                batch = strided_batch(stream, batch=1, length=length, **options)
                targets += batch.targets[batch.targets != IGNORE].tolist()
    assert sorted(targets) == list(range(1, tokens))


@pytest.mark.parametrize("mode", MODES)
def test_each_way_makes_batches_of_one_shape_by_step_and_rank(mode: str) -> None:
    talks = [conversation([("user", f"Hi {n}"), ("assistant", f"Hello {n}")]) for n in range(50)]
    stream = encode_documents(talks, TOKENIZER)
    make = batch_maker(mode, stream, batch=4, length=32, seed=0, ranks=2)  # type: ignore[arg-type]
    assert make(3, 1).inputs.tobytes() == make(3, 1).inputs.tobytes()
    assert len({make(step, rank).inputs.tobytes() for step in (0, 1) for rank in (0, 1)}) == 4
    batch = make(0, 0)
    assert isinstance(batch, Batch)
    assert batch.inputs.shape == batch.targets.shape == batch.parts.shape == (4, 32)
    assert isinstance(stream, TokenStream)
