"""Guessed tokens change how many passes a text takes, and nothing else."""

from __future__ import annotations

import itertools
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picochat.errors import ConfigError
from picochat.inference.engine import Engine, Token
from picochat.inference.generation import Generation, Job
from picochat.inference.sampling import distribution, softmax
from picochat.inference.settings import SamplingSettings
from picochat.inference.speculation import LONGEST_PAUSE, MOST_GUESSES, NGRAM, Boldness, PromptLookup, settle
from picochat.text.tokenizer import Tokenizer
from tests.fakes import char_tokenizer
from tests.inference.tiny import counted, tiny_engine

CONTEXT = 48
TOKENIZER = char_tokenizer()
VOCAB = TOKENIZER.vocab_size
GREEDY = SamplingSettings(temperature=0, max_tokens=60)


@cache
def target(position: str = "rope") -> Engine:
    return tiny_engine(context=CONTEXT, position=position)


@cache
def draft(position: str = "rope", context: int = CONTEXT) -> Engine:
    """A model that often agrees with the target: its network, shaken."""
    engine = tiny_engine(context=context, position=position)
    generator = np.random.default_rng(0)
    for parameter in engine.backend.model.parameters():  # type: ignore[attr-defined]
        noise = generator.normal(0, 0.03, tuple(parameter.shape)).astype(np.float32)
        parameter.data += parameter.data.new_tensor(noise)
    return engine


def written(engine: Engine, ids: list[int], wishes: SamplingSettings, **options: object) -> list[Token]:
    engine.forget()
    return list(engine.stream(ids, wishes, **options))  # type: ignore[arg-type]


def facts(tokens: list[Token]) -> list[tuple[object, ...]]:
    return [(token.id, token.text, token.stop, [other.id for other in token.alternatives]) for token in tokens]


prompts = st.one_of(
    st.lists(st.integers(259, VOCAB - 1), max_size=60),
    # repetitive ones, so that there is something to guess
    st.tuples(st.lists(st.integers(259, VOCAB - 1), min_size=1, max_size=6), st.integers(1, 8)).map(lambda p: p[0] * p[1]),
)
wishes_of_all_kinds = st.builds(
    SamplingSettings,
    temperature=st.sampled_from([0.0, 0.3, 1.0]),
    top_k=st.sampled_from([0, 2, 5]),
    top_p=st.sampled_from([0.7, 1.0]),
    min_p=st.sampled_from([0.0, 0.1]),
    repetition_penalty=st.sampled_from([1.0, 1.0, 1.2]),
    max_tokens=st.integers(1, 70),
    seed=st.integers(0, 1000),
    stop=st.sampled_from([(), ("ab",), ("e",)]),
)
POSITIONS = st.sampled_from(["rope", "learned", "sinusoidal", "alibi"])


@settings(max_examples=30, derandomize=True)
@given(prompts, wishes_of_all_kinds, POSITIONS, st.booleans(), st.sampled_from([(), tuple(range(259, 280))]))
def test_a_seed_gives_the_same_text_with_and_without(
    ids: list[int], wishes: SamplingSettings, position: str, slide: bool, end: tuple[int, ...]
) -> None:
    engine = target(position)
    texts = []
    for engine.speculate in (False, True):
        texts.append(written(engine, ids, wishes, slide=slide, end=end, alternatives=3))
        assert engine.backend.length >= engine.cached
        assert len(engine.cached_ids) == engine.cached <= CONTEXT
    assert facts(texts[1]) == facts(texts[0])
    assert [token.logprob for token in texts[1]] == pytest.approx([token.logprob for token in texts[0]], abs=1e-4)


@settings(max_examples=20, derandomize=True)
@given(prompts, wishes_of_all_kinds, POSITIONS, st.booleans(), st.sampled_from([16, CONTEXT]))
def test_a_draft_changes_no_greedy_text(
    ids: list[int], wishes: SamplingSettings, position: str, slide: bool, context: int
) -> None:
    engine = target(position)
    engine.speculate = False
    wishes = wishes.changed(temperature=0.0)
    plain = written(engine, ids, wishes, slide=slide)
    engine.use_draft(draft(position, context))
    try:
        assert facts(written(engine, ids, wishes, slide=slide)) == facts(plain)
    finally:
        engine.use_draft(None)


@settings(max_examples=12, derandomize=True)
@given(prompts, wishes_of_all_kinds, st.integers(1, 40))
def test_a_stream_that_is_left_leaves_a_good_cache(ids: list[int], wishes: SamplingSettings, taken: int) -> None:
    engine = target()
    engine.speculate = True
    engine.forget()
    first = list(itertools.islice(engine.stream(ids, wishes), taken))
    follow = [*engine.fit(ids), *(token.id for token in first if token.id is not None), 300][-CONTEXT + 1 :]
    after = facts(list(engine.stream(follow, wishes)))
    assert after == facts(written(engine, follow, wishes))


class Table:
    """A back end for which what follows depends on the last token alone: rows of logits by token, `None` for all others."""

    def __init__(self, engine: Engine, rows: dict[int | None, dict[int, float]]) -> None:
        self.info = engine.info
        self.length = 0
        self._rows = {}
        for token, logits in rows.items():
            self._rows[token] = np.full(self.info.vocab_size, -1e9, dtype=np.float32)
            self._rows[token][list(logits)] = list(logits.values())

    def prefill(self, ids: list[int]) -> np.ndarray:
        return self.read(ids)[-1]

    def step(self, token: int) -> np.ndarray:
        return self.read([token])[0]

    def read(self, ids: list[int]) -> np.ndarray:
        self.length += len(ids)
        return np.stack([self._rows[token if token in self._rows else None] for token in ids])

    def truncate(self, length: int) -> None:
        assert 0 <= length <= self.length
        self.length = length


def table_engine(rows: dict[int | None, dict[int, float]]) -> Engine:
    engine = tiny_engine(context=1024)
    engine.backend = Table(engine, rows)  # type: ignore[assignment]
    engine.speculate = False
    return engine


def test_a_repetition_takes_fewer_passes() -> None:
    circle = {300: {301: 0.0}, 301: {302: 0.0}, 302: {303: 0.0}, None: {300: 0.0}}
    engine = table_engine(circle)  # type: ignore[arg-type]
    counting = counted(engine)
    for engine.speculate, passes in ((False, 60), (True, 9)):
        counting.passes.clear()
        tokens = written(engine, [300, 301, 302, 303] * 4, GREEDY)
        assert [token.id for token in tokens] == [300, 301, 302, 303] * 15
        assert len(counting.passes) == passes
    assert max(size for kind, size in counting.passes if kind == "read") == 1 + MOST_GUESSES


def test_guesses_that_are_wrong_cost_little() -> None:
    # the prompt has every three tokens, so that there is a guess everywhere, and each of four comes as likely
    engine = table_engine({None: dict.fromkeys(range(300, 304), 0.0)})
    engine.speculate = True
    counting = counted(engine)
    prompt = [token for three in itertools.product(range(300, 304), repeat=3) for token in three]
    assert len(written(engine, prompt, SamplingSettings(max_tokens=600, seed=1))) == 600
    extra = sum(size - 1 for kind, size in counting.passes if kind == "read")
    assert 0 < extra < 600 * 0.2


UNSURE: dict[int | None, dict[int, float]] = {
    300: {300: 0.0, 301: 1.0, 302: -1.0},
    301: {300: 1.0, 302: 1.5, 303: 0.0},
    None: {300: 0.5, 301: 0.0, 302: 0.2, 303: -0.5},
}
DRAFT: dict[int | None, dict[int, float]] = {
    300: {300: 0.5, 301: 0.5, 302: -1.5, 303: 0.0},
    301: {300: 1.2, 302: 1.0},
    None: {300: 0.0, 301: 0.3, 302: 0.2, 303: 0.0},
}


def test_a_draft_that_agrees_saves_passes() -> None:
    engine = table_engine(UNSURE)
    counting = counted(engine)
    wishes = SamplingSettings(temperature=0.8, max_tokens=200, seed=3)
    for rows, most in ((None, 200), (DRAFT, 100), (UNSURE, 25)):
        engine.use_draft(table_engine(rows) if rows else None)
        counting.passes.clear()
        written(engine, [300], wishes)
        assert len(counting.passes) <= most
        assert (rows is None) == (len(counting.passes) == 200)


def test_a_draft_with_other_tokens_is_refused() -> None:
    engine, other = tiny_engine(), tiny_engine()
    other.tokenizer = Tokenizer.train(["abc"], "char")
    with pytest.raises(ConfigError, match="their tokenizers differ"):
        engine.use_draft(other)
    assert engine.draft is None


def chi_square(counts: Counter[tuple[int, ...]], expected: dict[tuple[int, ...], float], total: int) -> tuple[float, int]:
    """The statistic and its degrees of freedom; what is expected less than five times is one class."""
    large = {key: share for key, share in expected.items() if share * total >= 5}
    rest = 1 - sum(large.values())
    pairs = [(counts[key], share * total) for key, share in large.items()]
    if rest * total >= 5:
        pairs.append((total - sum(counts[key] for key in large), rest * total))
    return sum((have - want) ** 2 / want for have, want in pairs), len(pairs) - 1


@pytest.mark.parametrize(
    "wishes",
    [
        SamplingSettings(temperature=0.8),
        SamplingSettings(top_k=2, temperature=1.3),
        SamplingSettings(temperature=0.8, repetition_penalty=1.5),
    ],
)
@pytest.mark.parametrize("lookup", [False, True])
def test_texts_with_a_draft_are_as_likely_as_without(wishes: SamplingSettings, lookup: bool) -> None:
    """All texts of four tokens, by their probability under the model."""
    engine, total, prompt = table_engine(UNSURE), 1500, [302, 301, 300]
    expected: dict[tuple[int, ...], float] = {(): 1.0}
    for _ in range(4):
        longer = {}
        for text, share in expected.items():
            row = engine.backend.read([*prompt, *text])[-1]
            for token, chance in zip(*distribution(row, wishes, [*prompt, *text]), strict=True):
                longer[(*text, int(token))] = share * float(chance)
        expected = longer
    engine.speculate = lookup
    engine.use_draft(table_engine(DRAFT))
    counts: Counter[tuple[int, ...]] = Counter()
    for seed in range(total):
        tokens = engine.stream(prompt, wishes.changed(max_tokens=4, seed=seed))
        counts[tuple(token.id for token in tokens if token.id is not None)] += 1
    assert set(counts) <= set(expected)
    statistic, freedom = chi_square(counts, expected, total)
    # mean and spread are known of a chi-square distribution; with fixed seeds the statistic is always the same
    limit = freedom + 4 * (2 * freedom) ** 0.5
    assert statistic < limit
    # and another distribution is noticed
    tilted = {text: share * (1.1 if text[1] == 300 else 1.0) for text, share in expected.items()}
    whole = sum(tilted.values())
    assert chi_square(counts, {text: share / whole for text, share in tilted.items()}, total)[0] > statistic


@settings(max_examples=10, derandomize=True)
@given(st.data())
def test_settling_gives_the_wanted_distribution(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 6))
    logits = st.lists(st.floats(-3, 3), min_size=size, max_size=size)
    candidates = []
    for _ in range(2):
        ids = np.array(sorted(data.draw(st.sets(st.integers(0, 7), min_size=size, max_size=size))))
        candidates.append((ids, softmax(np.array(data.draw(logits), dtype=np.float32))))
    drawn_from, wanted = candidates
    generator = np.random.default_rng(0)
    total = 4000
    guesses = generator.choice(drawn_from[0], size=total, p=drawn_from[1])
    settled = [settle(int(guess), drawn_from, wanted, generator) for guess in guesses]
    counts = Counter((token,) for token in settled)
    assert set(counts) <= {(int(token),) for token in wanted[0]}
    statistic, freedom = chi_square(counts, {(int(i),): float(p) for i, p in zip(*wanted, strict=True)}, total)
    assert statistic < freedom + 6 * (2 * max(1, freedom)) ** 0.5
    # as often as can be, the guess is kept: the share that both distributions have in common
    common = sum(min(p, dict(zip(*drawn_from, strict=True)).get(i, 0.0)) for i, p in zip(*wanted, strict=True))
    assert np.mean(guesses == settled) == pytest.approx(common, abs=0.05)


@given(st.lists(st.integers(300, 303), min_size=1, max_size=40), st.integers(1, 12))
def test_lookup_copies_what_followed_the_last_time(sequence: list[int], most: int) -> None:
    lookup = PromptLookup()
    generation = Generation(Job(sequence[:1], SamplingSettings()), TOKENIZER, target().info)
    for length in range(1, len(sequence) + 1):
        generation.sequence[:] = sequence[:length]
        guesses = [guess.token for guess in lookup.guess(generation, most)]
        so_far, end = sequence[:length], sequence[length - NGRAM : length]
        places = [place for place in range(NGRAM, length) if so_far[place - NGRAM : place] == end]
        if length < NGRAM or not places:
            assert guesses == []
        else:
            copied = so_far[places[-1] :]
            assert guesses == (copied * most)[:most]


def test_pauses_grow_while_guesses_are_wrong_and_end_when_one_is_right() -> None:
    boldness = Boldness()
    waits = []
    for _ in range(9):
        wait = 0
        while not (most := boldness.next()):
            wait += 1
        waits.append(wait)
        boldness.learn(most, 0)
    assert waits == [0, 0, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    while not (most := boldness.next()):
        pass
    assert most == 2
    for expected in (4, 8, MOST_GUESSES):
        boldness.learn(most, most)
        most = boldness.next()
        assert most == expected
    # one bad pass among good ones is no reason to rest
    boldness.learn(most, 0)
    assert boldness.next() == 2


def test_sixteen_bits_are_not_speculated_with_unless_told() -> None:
    engine = tiny_engine(context=64)
    counting = counted(engine)
    engine.backend.info = engine.info.__class__(**{**vars(engine.info), "precision": "bf16"})
    prompt = [300, 301, 302, 303] * 4
    written(engine, prompt, GREEDY)
    assert not any(kind == "read" for kind, _ in counting.passes)
    engine.speculate = True
    written(engine, prompt, GREEDY)
    assert any(kind == "read" for kind, _ in counting.passes)
