"""The likeliest of several answers is the one that is given."""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picochat.inference.best_of import COMPARED, REPEATED, RUN, BestOf, samples
from picochat.inference.engine import Engine
from picochat.inference.generation import Job, Token
from picochat.inference.lanes import Scheduler
from picochat.inference.prompt import completion
from picochat.inference.sampling import Logits
from picochat.inference.settings import SamplingSettings
from picochat.inference.torch_backend import TorchLanes
from tests.inference.tiny import counted, tiny_engine

CONTEXT = 160
DRAWN = SamplingSettings(temperature=1.5, top_k=0, guidance_scale=1.0, max_tokens=20)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return tiny_engine(context=CONTEXT, dim=32)


def asked(engine: Engine, text: str = "Hi!", **changes: object) -> Job:
    return completion(engine, text).job(DRAWN.changed(**changes))


def ids(tokens: list[Token]) -> list[int | None]:
    return [token.id for token in tokens]


def one_by_one(engine: Engine, job: Job) -> list[list[Token]]:
    """Each sample, drawn alone."""
    alone = job.settings.changed(best_of=1)
    return [
        list(engine.run(dataclasses.replace(job, settings=alone, sample=number)))
        for number in range(samples(job, engine.info))
    ]


def merit(tokens: list[Token]) -> tuple[bool, float]:
    compared = tokens[:COMPARED]
    return any(token.text.strip() for token in compared), sum(token.logprob for token in compared)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 9), st.integers(0, 99), st.sampled_from([5, 20, 60]), st.sampled_from([1.0, 2.0]))
def test_it_is_the_likeliest_of_those_that_are_drawn_alone(count: int, seed: int, length: int, scale: float) -> None:
    engine = tiny_engine(context=CONTEXT, dim=32)
    job = asked(engine, best_of=count, seed=seed, max_tokens=length, guidance_scale=scale)
    texts = one_by_one(engine, job)
    likeliest = max(texts, key=merit)
    given_out = list(engine.run(job))
    assert ids(given_out) == ids(likeliest)
    assert [token.text for token in given_out] == [token.text for token in likeliest]
    assert given_out[-1].stop == likeliest[-1].stop
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(given_out))


def test_the_first_sample_is_the_text_that_one_alone_would_be(engine: Engine) -> None:
    texts = one_by_one(engine, asked(engine, best_of=4, seed=5))
    assert ids(texts[0]) == ids(list(engine.run(asked(engine, best_of=1, seed=5))))
    assert len({tuple(ids(text)) for text in texts}) == 4


def test_a_seed_gives_the_same_answer_again_and_neighbouring_seeds_share_no_samples(engine: Engine) -> None:
    job = asked(engine, best_of=6, seed=8)
    first = ids(list(engine.run(job)))
    list(engine.run(asked(engine, "something else", best_of=6, seed=1)))
    assert ids(list(engine.run(job))) == first
    mine, theirs = (
        {tuple(ids(text)) for text in one_by_one(engine, asked(engine, best_of=6, seed=seed))} for seed in (8, 9)
    )
    assert not mine & theirs


@pytest.mark.parametrize("lanes", [1, 2, 3, 7, 30])
def test_fewer_lanes_give_the_same_answers_later(engine: Engine, lanes: int) -> None:
    jobs = [asked(engine, text, best_of=5, seed=3, max_tokens=COMPARED + 9) for text in ("Hi!", "What now?", "Hi! You?")]
    records: dict[int, list[Token]] = defaultdict(list)
    for index, token in engine.run_many(jobs, lanes=lanes):
        records[index].append(token)
    assert [ids(records[index]) for index in range(3)] == [ids(list(engine.run(job))) for job in jobs]


def test_an_answer_that_says_nothing_is_taken_only_where_all_do(engine: Engine) -> None:
    job = asked(engine, best_of=3)
    best = BestOf(job, engine.tokenizer, engine.info)
    silent, poor, good = (
        [Token(7, "", -0.1, 0.1, stop="end")],
        [Token(8, "no", -9.0, 0.1), Token(7, "", -1.0, 0.2, stop="end")],
        [Token(9, "yes", -2.0, 0.1), Token(10, "!", -1.0, 0.2), Token(7, "", -0.5, 0.3, stop="end")],
    )
    for number, records in enumerate((silent, poor)):
        assert [record for token in records for record in best.add(number, token)] == []
    assert best.chosen is None
    assert best.add(2, good[0]) == best.add(2, good[1]) == []
    out = best.add(2, good[2])
    assert best.chosen == 2
    assert ids(out) == ids(good)
    assert {token.seconds for token in out} == {0.3}
    quiet = BestOf(asked(engine, best_of=2), engine.tokenizer, engine.info)
    assert quiet.add(0, silent[0]) == []
    assert quiet.add(1, dataclasses.replace(silent[0], logprob=-0.01)) == [dataclasses.replace(silent[0], logprob=-0.01)]


def chosen(engine: Engine, earlier: list[int], said: list[int], behind: float) -> int | None:
    """Which is taken, of `said` after an answer of `earlier`, and of something new that is so much less likely."""
    job = asked(engine, best_of=2)
    end = next(iter(job.end))
    best = BestOf(dataclasses.replace(job, ids=[*job.ids, *earlier, end, 20, job.ids[-1]]), engine.tokenizer, engine.info)
    for number, (tokens, logprob) in enumerate(((said, -1.0), ([10, 11], -1.0 - behind))):
        best.add(number, Token(tokens[0], "a", logprob, 0.1))
        for token in tokens[1:]:
            best.add(number, Token(token, "b", 0.0, 0.2))
        best.add(number, Token(end, "", 0.0, 0.3, stop="end"))
    return best.chosen


def test_what_was_answered_before_is_said_again_only_where_nothing_else_is_nearly_as_likely(engine: Engine) -> None:
    assert chosen(engine, [8, 7], [8, 7], behind=REPEATED - 0.1) == 1
    assert chosen(engine, [8, 7], [8, 7], behind=REPEATED + 0.1) == 0
    # the end of a longer answer is something else, a long stretch of one is not
    assert chosen(engine, [6, 8, 7], [8, 7], behind=0.1) == 0
    joke = list(range(30, 40))
    assert chosen(engine, joke, [5, *joke], behind=0.1) == 1
    assert chosen(engine, joke, [5, *joke[: RUN - 1]], behind=0.1) == 0


def test_only_answers_that_chance_decides_are_compared_and_unasked_only_those_of_small_models(engine: Engine) -> None:
    small, large = (dataclasses.replace(engine.info, parameters=size) for size in (20_000_000, 20_000_001))
    assert samples(asked(engine, best_of=5), small) == samples(asked(engine, best_of=5), large) == 5
    assert samples(asked(engine, best_of=5, temperature=0), small) == 1
    assert samples(completion(engine, "Once upon", raw=True).job(DRAWN.changed(best_of=5)), small) == 1
    assert (samples(asked(engine), small), samples(asked(engine), large)) == (16, 1)


def test_a_long_answer_streams_once_it_is_chosen(engine: Engine) -> None:
    scheduler = Scheduler(engine.backend, engine.tokenizer, 4)
    job = dataclasses.replace(asked(engine, best_of=4, seed=2, max_tokens=COMPARED + 5), end=())
    scheduler.add(job)
    came = [len(scheduler.step()) for _ in range(COMPARED + 5)]
    assert came == [0] * (COMPARED - 1) + [COMPARED] + [1] * 5
    assert not scheduler.busy


def test_samples_share_the_reading_of_the_prompt_and_each_pass(engine: Engine) -> None:
    one = tiny_engine(context=CONTEXT, dim=32)
    counting = counted(one)
    job = dataclasses.replace(asked(one, best_of=4, seed=2, max_tokens=6), end=())
    list(one.run(job))
    assert counting.opened.passes == [("prefill", len(job.ids) - 1)] + [("step", 4)] * 6
    assert one.prefilled == len(job.ids)
    # what was said stays in the caches
    counting.opened.passes.clear()
    longer = dataclasses.replace(job, ids=[*one.cached_ids, 270, 271, job.ids[-1]])
    list(one.run(longer))
    assert counting.opened.passes[0] == ("prefill", 2)
    assert one.prefilled == 3


def test_a_new_answer_ends_one_that_was_left_open(engine: Engine) -> None:
    job = dataclasses.replace(asked(engine, best_of=3, seed=4, max_tokens=COMPARED + 30), end=())
    whole = ids(list(engine.run(job)))
    left = engine.run(job)
    assert [next(left).id for _ in range(COMPARED + 2)] == whole[: COMPARED + 2]
    assert ids(list(engine.run(job))) == whole
    assert [token.stop for token in left] == ["cancelled"]


def test_a_stop_before_the_choice_says_nothing_and_after_it_keeps_what_was_said(engine: Engine) -> None:
    steps = itertools.count()
    job = dataclasses.replace(asked(engine, best_of=3, seed=4, max_tokens=60), end=(), cancelled=lambda: next(steps) == 3)
    (only,) = engine.run(job)
    assert (only.id, only.text, only.stop) == (None, "", "cancelled")
    steps = itertools.count()
    later = dataclasses.replace(job, cancelled=lambda: next(steps) == COMPARED + 4)
    tokens = list(engine.run(later))
    assert tokens[-1].stop == "cancelled"
    assert len(tokens) == COMPARED + 5


def test_what_all_samples_share_is_read_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    prefill = TorchLanes.prefill

    def told(self: TorchLanes, lane: int, ids: Sequence[int]) -> Logits:
        read.append(len(ids))
        return prefill(self, lane, ids)

    monkeypatch.setattr(TorchLanes, "prefill", told)
    engine.forget()
    list(engine.run(asked(engine, "Something new to read.", best_of=8, max_tokens=3, guidance_scale=2.0)))
    assert len(read) <= 2  # the prompt, and what stands in its place beside it
