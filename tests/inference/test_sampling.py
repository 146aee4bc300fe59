from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from picochat.errors import ConfigError
from picochat.inference.sampling import (
    choose,
    distribution,
    keep_min_p,
    keep_top_k,
    keep_top_p,
    log_normaliser,
    penalise,
    softmax,
)
from picochat.inference.settings import SamplingSettings

ROWS = arrays.arrays(np.float32, st.integers(1, 60), elements=st.floats(-30, 30, width=32))
SETTINGS = st.builds(
    SamplingSettings,
    temperature=st.floats(0, 3),
    top_k=st.integers(0, 80),
    top_p=st.floats(0.01, 1),
    min_p=st.floats(0, 0.9),
    repetition_penalty=st.floats(0.5, 2),
)


@given(ROWS, SETTINGS)
def test_what_is_left_is_a_distribution(logits: np.ndarray, settings: SamplingSettings) -> None:
    ids, probabilities = distribution(logits, settings, [0])
    assert len(ids) == len(probabilities) >= 1
    assert probabilities.sum() == pytest.approx(1)
    assert len(set(ids)) == len(ids)
    if settings.top_k:
        assert len(ids) <= settings.top_k or settings.top_k >= len(logits)


@given(ROWS, SETTINGS, st.integers(0, 2**32))
def test_a_seed_fixes_the_draw(logits: np.ndarray, settings: SamplingSettings, seed: int) -> None:
    one, two = (choose(logits, settings, np.random.default_rng(seed)) for _ in range(2))
    assert one == two
    assert one in distribution(logits, settings)[0]


def test_draws_follow_the_probabilities() -> None:
    logits = np.log(np.array([0.5, 0.3, 0.2], dtype=np.float32))
    generator = np.random.default_rng(0)
    settings = SamplingSettings(temperature=1, top_k=0)
    counts = np.bincount([choose(logits, settings, generator) for _ in range(20_000)], minlength=3)
    assert counts / 20_000 == pytest.approx([0.5, 0.3, 0.2], abs=0.015)


@given(ROWS)
def test_temperature_zero_is_the_likeliest(logits: np.ndarray) -> None:
    assert choose(logits, SamplingSettings(temperature=0), np.random.default_rng()) == logits.argmax()


@given(ROWS, st.integers(1, 70))
def test_top_k_keeps_the_k_largest(logits: np.ndarray, k: int) -> None:
    kept = keep_top_k(logits, k)
    assert len(kept) == min(k, len(logits))
    assert sorted(logits[kept]) == sorted(logits)[-len(kept) :]
    assert list(kept) == sorted(kept)


@given(st.integers(1, 5_000), st.integers(1, 300), st.sampled_from([1, 3, 1000]), st.integers(0, 9))
def test_top_k_keeps_the_k_largest_of_many_with_and_without_equal_ones(size: int, k: int, steps: int, seed: int) -> None:
    logits = np.random.default_rng(seed).integers(-steps, steps, size).astype(np.float32)
    logits[::7] = -np.inf
    kept = keep_top_k(logits, k)
    assert len(kept) == min(k, size)
    assert sorted(logits[kept]) == sorted(logits)[-len(kept) :]
    assert list(kept) == sorted(set(kept))


def test_top_p_keeps_the_smallest_set_that_reaches_p() -> None:
    probabilities = np.array([0.1, 0.5, 0.15, 0.25])
    assert keep_top_p(probabilities, 0.5).tolist() == [False, True, False, False]
    assert keep_top_p(probabilities, 0.51).tolist() == [False, True, False, True]
    assert keep_top_p(probabilities, 1.0).all()


def test_min_p_keeps_what_is_near_the_best() -> None:
    assert keep_min_p(np.array([0.1, 0.5, 0.15, 0.25]), 0.4).tolist() == [False, True, False, True]


def test_the_repetition_penalty_lowers_both_signs_and_nothing_else() -> None:
    logits = np.array([2.0, -2.0, 1.0, -1.0], dtype=np.float32)
    assert penalise(logits, [0, 1, 0], 2.0).tolist() == [1.0, -4.0, 1.0, -1.0]
    assert logits.tolist() == [2.0, -2.0, 1.0, -1.0]


@given(ROWS)
def test_log_probabilities_are_those_of_softmax(logits: np.ndarray) -> None:
    assert np.exp(logits - log_normaliser(logits)) == pytest.approx(softmax(logits), abs=1e-5)


def test_agrees_with_the_filters_of_transformers() -> None:
    torch = pytest.importorskip("torch")
    process = pytest.importorskip("transformers.generation.logits_process")
    logits = np.random.default_rng(4).normal(size=200).astype(np.float32) * 3
    seen = [3, 5, 5, 199]
    settings = SamplingSettings(temperature=0.7, top_k=30, top_p=0.9, min_p=0.02, repetition_penalty=1.3)
    scores, ids = torch.tensor(logits)[None], torch.tensor([seen])
    for step in (
        process.RepetitionPenaltyLogitsProcessor(1.3),
        process.TemperatureLogitsWarper(0.7),
        process.TopKLogitsWarper(30),
        process.TopPLogitsWarper(0.9),
        process.MinPLogitsWarper(0.02),
    ):
        scores = step(ids, scores)
    theirs = scores[0].softmax(-1).numpy()
    ours = np.zeros(200)
    kept, probabilities = distribution(logits, settings, seen)
    ours[kept] = probabilities
    assert ours == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"temperature": -1}, "temperature must be greater than or equal to 0"),
        ({"top_p": 0}, "top-p must be greater than 0"),
        ({"top_k": -1}, "top-k"),
        ({"seed": "x"}, "seed"),
        ({"temprature": 1}, "did you mean 'temperature'"),
        ({"max_tokens": 0}, "max-tokens"),
        ({"temperature": float("nan")}, "temperature"),
    ],
)
def test_settings_out_of_bounds_are_told(values: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        SamplingSettings.parse(values)
    assert says in str(error.value)
