"""Texts written side by side are those that are written one by one."""

from __future__ import annotations

import itertools
from collections import defaultdict
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picochat.inference.backend import PREFILL_CHUNK
from picochat.inference.engine import Engine
from picochat.inference.generation import Job, Token
from picochat.inference.lanes import Scheduler
from picochat.inference.settings import SamplingSettings
from tests.inference.tiny import counted, tiny_engine

CONTEXT = 32
VOCAB = tiny_engine().info.vocab_size


@cache
def engine(position: str = "rope") -> Engine:
    one = tiny_engine(context=CONTEXT, position=position, kv_heads=1)
    one.speculate = False
    return one


def alone(one: Engine, job: Job) -> list[Token]:
    given = {"end": job.end, "slide": job.slide, "alternatives": job.alternatives, "cancelled": job.cancelled}
    return list(one.stream(job.ids, job.settings, **given))  # type: ignore[arg-type]


def assert_same(have: list[Token], want: list[Token]) -> None:
    facts = [[(token.id, token.text, token.stop) for token in tokens] for tokens in (have, want)]
    assert facts[0] == facts[1]
    assert [token.logprob for token in have] == pytest.approx([token.logprob for token in want], abs=1e-4)
    for mine, theirs in zip(have, want, strict=True):
        assert [other.id for other in mine.alternatives] == [other.id for other in theirs.alternatives]
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(have))


settings_of_jobs = st.builds(
    SamplingSettings,
    temperature=st.sampled_from([0.0, 0.7, 1.5]),
    top_k=st.sampled_from([0, 5]),
    top_p=st.sampled_from([0.8, 1.0]),
    repetition_penalty=st.sampled_from([1.0, 1.3]),
    max_tokens=st.integers(1, 50),
    seed=st.integers(0, 1000),
    stop=st.sampled_from([(), ("a", "b"), ("e ",)]),
)
jobs_to_write = st.lists(
    st.builds(
        Job,
        # some prompts begin alike
        ids=st.tuples(st.integers(0, 12), st.lists(st.integers(259, VOCAB - 1), max_size=40)).map(
            lambda parts: [300 + place for place in range(parts[0])] + parts[1]
        ),
        settings=settings_of_jobs,
        end=st.sampled_from([(), tuple(range(259, 290))]),
        slide=st.booleans(),
        alternatives=st.sampled_from([0, 3]),
    ),
    min_size=1,
    max_size=7,
)


@settings(max_examples=30, derandomize=True)
@given(jobs_to_write, st.integers(1, 4), st.sampled_from(["rope", "learned", "alibi"]))
def test_each_text_is_what_it_is_alone(jobs: list[Job], lanes: int, position: str) -> None:
    records: dict[int, list[Token]] = defaultdict(list)
    for index, token in engine(position).run_many(jobs, lanes=lanes):
        records[index].append(token)
    assert sorted(records) == list(range(len(jobs)))
    for index, job in enumerate(jobs):
        assert_same(records[index], alone(engine(position), job))


def test_side_by_side_is_one_pass_for_all() -> None:
    one = tiny_engine(context=64)
    counting = counted(one)
    prompt = list(range(270, 290))
    jobs = [Job(prompt, SamplingSettings(seed=seed, max_tokens=10, top_k=0)) for seed in range(6)]
    assert len(list(one.run_many(jobs, lanes=6))) == 60
    # the prompt is read once and copied, its last token is read by all at once
    assert counting.opened.passes == [("prefill", 19)] + [("step", 6)] * 10
    assert counting.opened.forks == 5
    assert counting.passes == []


def test_what_was_said_before_is_not_read_again() -> None:
    one = tiny_engine(context=64)
    counting = counted(one)
    scheduler = Scheduler(one.backend, one.tokenizer, 2)
    first, second = list(range(270, 290)), list(range(300, 310))
    greedy = SamplingSettings(temperature=0, max_tokens=4)
    for prompt in (first, second):
        scheduler.add(Job(prompt, greedy))
    written = [token for _ in range(4) for token in scheduler.step()]
    answer = [token.id for handle, token in written if handle == 0 and token.id is not None]
    assert not scheduler.busy
    counting.opened.passes.clear()
    scheduler.add(Job([*second, 400 % VOCAB], greedy))
    scheduler.add(Job([*first, *answer, 280, 281, 282], greedy))
    scheduler.step()
    # of the answers all is there but their last token
    assert sorted(counting.opened.passes) == [("prefill", 3), ("step", 2)]
    assert counting.opened.forks == 0


def test_jobs_come_and_go_while_others_are_at_work() -> None:
    one = engine()
    scheduler = Scheduler(one.backend, one.tokenizer, 2)
    endless = Job([300, 301], SamplingSettings(seed=1, top_k=0, max_tokens=1000))
    short = Job([310], SamplingSettings(seed=2, top_k=0, max_tokens=3))
    assert scheduler.free == 2
    records: dict[int, list[Token]] = defaultdict(list)
    assert scheduler.add(endless) == 0
    for _ in range(5):
        records[0] += [token for _, token in scheduler.step()]
    assert scheduler.add(short) == 1
    assert scheduler.free == 0
    with pytest.raises(ValueError, match="at work"):
        scheduler.add(short)
    while scheduler.free == 0:
        for handle, token in scheduler.step():
            records[handle].append(token)
    assert scheduler.cancel(1) is None
    last = scheduler.cancel(0)
    assert last is not None
    assert (last.id, last.stop) == (None, "cancelled")
    assert scheduler.free == 2
    assert scheduler.step() == []
    assert_same(records[1], alone(one, short))
    assert_same(records[0], alone(one, endless)[: len(records[0])])


def test_a_job_ends_when_it_asks_for_it() -> None:
    told = [False, False]
    jobs = [Job([300], SamplingSettings(seed=0), cancelled=lambda index=index: told[index]) for index in range(2)]  # type: ignore[misc]
    scheduler = Scheduler(engine().backend, engine().tokenizer, 2)
    for job in jobs:
        scheduler.add(job)
    scheduler.step()
    told[1] = True
    assert [(handle, token.stop) for handle, token in scheduler.step()] == [(1, "cancelled"), (0, None)]
    told[0] = True
    assert [(handle, token.stop) for handle, token in scheduler.step()] == [(0, "cancelled")]
    assert not scheduler.busy


def test_a_long_prompt_keeps_nobody_waiting() -> None:
    one = tiny_engine(context=4 * PREFILL_CHUNK)
    scheduler = Scheduler(one.backend, one.tokenizer, 2)
    scheduler.add(Job([300], SamplingSettings(seed=0)))
    scheduler.step()
    scheduler.add(Job([301] * (3 * PREFILL_CHUNK), SamplingSettings(seed=0)))
    assert [[handle for handle, _ in scheduler.step()] for _ in range(4)] == [[0], [0], [0, 1], [0, 1]]


def test_nothing_to_write_is_nothing_written() -> None:
    assert list(engine().run_many([])) == []
