from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.metrics import RunLog
from picochat.model.config import ModelConfig
from picochat.training import advice
from picochat.training.advice import Course, Point, advise, curve
from picochat.training.config import TrainConfig
from picochat.training.setup import prepare
from tests.training.test_trainer import TINY

MICRO = ModelConfig.create(preset="micro")


def falling(first: float, last: float, steps: int = 200, every: int = 1) -> list[Point]:
    """A loss that falls in a straight line."""
    return [(step, first + (last - first) * step / steps) for step in range(every, steps + 1, every)]


def good(steps: int = 200) -> Course:
    """A run that leaves nothing to say: much text, seen twice, a loss that has come to rest."""
    still = [(step, 2 + 2 * math.exp(-step / 20)) for step in range(1, steps + 1)]
    return Course(MICRO, 20_000_000, 40_000_000, 0.02, 0.02, still, still[19::20])


def test_of_a_good_run_nothing_is_said() -> None:
    assert advise(good()) == []


def test_a_model_that_saw_little_and_still_learns_is_to_train_longer() -> None:
    course = replace(good(), tokens=3_000_000, evaluations=falling(5.0, 3.0, every=20))
    (sentence,) = advise(course)
    assert "still falls" in sentence
    assert "--resume with --steps or --time" in sentence
    assert f"{3e6 / MICRO.parameters:.2g} tokens per parameter" in sentence
    assert advise(replace(course, evaluations=good().evaluations)) == []  # it has come to rest
    assert advise(replace(course, tokens=40_000_000)) == []  # it has seen enough
    assert advise(replace(course, evaluations=course.evaluations[:1])) == []  # nobody knows


def test_less_than_two_passes_are_few_however_small_the_model() -> None:
    steep = falling(5.0, 3.0, every=20)
    assert advice.train_longer(1000, 100_000, 150_000, steep) is not None
    assert advice.train_longer(1000, 100_000, 250_000, steep) is None


def overfitted() -> Course:
    rising = [(20, 4.0), (40, 3.0), (60, 2.5), (80, 2.6), (100, 2.9), (120, 3.3)]
    return replace(good(), losses=falling(5.0, 0.1, 120), evaluations=rising)


def test_a_validation_loss_that_rises_while_the_training_loss_falls_is_overfitting() -> None:
    (sentence,) = advise(overfitted())
    assert "since step 60 (2.500 to 3.300)" in sentence
    for remedy in ("more text", "--dropout", "--size", "--patience"):
        assert remedy in sentence


def test_one_worse_evaluation_or_a_run_that_falls_apart_is_not_overfitting() -> None:
    course = overfitted()
    assert advice.overfits(course.losses, course.evaluations[:4]) is None
    assert advice.overfits(falling(3.0, 5.0, 120), course.evaluations) is None
    assert advice.overfits(course.losses, [*course.evaluations[:-1], (120, 2.51)]) is None
    assert advice.overfits([], []) is None


def test_many_passes_are_told_unless_overfitting_says_the_same() -> None:
    often = replace(good(), train_tokens=1_000_000, tokens=30_000_000)
    (sentence,) = advise(often)
    assert "1,000,000 tokens was read 30 times" in sentence
    assert not any("pass" in sentence for sentence in advise(replace(overfitted(), train_tokens=10**6, tokens=10**8)))
    assert advice.many_passes(1000, 20_000) is None


@pytest.mark.parametrize(("peak", "says"), [(0.02, "--lr 0.0067"), (1.0, "--lr 0.02"), (1e-6, "--lr 0.02")])
def test_a_loss_that_stands_still_is_a_matter_of_the_learning_rate(peak: float, says: str) -> None:
    course = replace(overfitted(), losses=falling(5.6, 5.6, 100), peak=peak)
    (sentence,) = advise(course)
    assert "5.600 at first, 5.600 at last" in sentence
    assert says in sentence
    assert advice.loss_stands_still(falling(5.6, 5.6, 30), peak, 0.02) is None
    assert advice.loss_stands_still(falling(5.6, 5.2, 100), peak, 0.02) is None


def test_tokens_that_are_rare_make_a_vocabulary_too_large() -> None:
    sentence = advice.vocabulary_too_large(MICRO, 100_000)
    assert sentence is not None
    assert "4,096 tokens" in sentence
    assert "each occurs 24 times" in sentence
    assert "--vocab-size 1024" in sentence
    assert advice.vocabulary_too_large(MICRO, 300_000) is None
    assert "--tokenizer char" in str(advice.vocabulary_too_large(MICRO, 5_000))
    assert advice.vocabulary_too_large(replace(MICRO, vocab_size=400), 5_000) is None


def test_a_head_that_takes_most_of_the_computing_makes_a_vocabulary_too_large() -> None:
    large = replace(MICRO, vocab_size=50_257)
    sentence = advice.vocabulary_too_large(large, 10**9)
    assert sentence is not None
    assert "% of the computing" in sentence
    size = int(sentence.rstrip(".").split()[-1])
    assert advice.vocabulary_too_large(replace(MICRO, vocab_size=size), 10**9) is None


def test_a_long_run_on_a_cpu_is_worth_compiling() -> None:
    facts = {"compiled": False, "compiler": "/usr/bin/g++", "seconds": 600.0}
    assert "--compile on" in str(advice.not_compiled("cpu", **facts))  # type: ignore[arg-type]
    for change in ({"compiled": True}, {"compiler": None}, {"seconds": 60.0}):
        assert advice.not_compiled("cpu", **{**facts, **change}) is None  # type: ignore[arg-type]
    assert advice.not_compiled("cuda", **facts) is None  # type: ignore[arg-type]


losses = st.lists(st.floats(1e-6, 1e6), max_size=120).map(lambda values: list(enumerate(values, 1)))


@given(losses, losses, st.integers(0, 10**9), st.integers(0, 10**9))
def test_whatever_the_facts_sentences_come_out(
    training: list[Point], validation: list[Point], train_tokens: int, tokens: int
) -> None:
    for sentence in advise(Course(MICRO, train_tokens, tokens, 0.02, 0.02, training, validation)):
        assert sentence.endswith(".")
        assert "\n" not in sentence


def test_the_flags_that_are_named_are_settings() -> None:
    # --size comes with the presets
    fields = set(TrainConfig.model_fields) | {"size"}
    source = Path(advice.__file__).read_text(encoding="utf-8")
    named = {flag.replace("-", "_") for flag in re.findall(r"--([a-z][a-z-]+)", source)}
    assert {"dropout", "lr", "resume"} <= named <= fields | {"resume"}


def test_a_real_run_that_learns_its_text_by_heart_is_told_so(chat_file: Path, tmp_path: Path) -> None:
    text = tmp_path / "random.txt"
    # words in an order that nobody can guess: what is held out can't be learnt from the rest
    words = ["".join(chr(97 + (7 * n * n + 3 * m * n) % 26) for m in range(9)) for n in range(40)]
    text.write_text("".join(f"{word}\n<|endoftext|>\n" for word in words), encoding="utf-8")
    settings = {**TINY, "steps": 150, "eval_every": 10, "val_fraction": 0.3, "tokenizer": "char", "lr": 0.05}
    prepare(TrainConfig.parse({**settings, "data": text, "out": tmp_path / "run"})).fit()
    records = RunLog(tmp_path / "run").poll()
    sentence = advice.overfits(curve(records, "loss"), curve(records, "val_loss"))
    assert sentence is not None
    assert "by heart" in sentence


def test_curves_leave_out_what_is_no_number() -> None:
    records = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": None, "val_loss": 3}, {"step": 3, "loss": float("nan")}]
    assert curve(records, "loss") == [(1, 2.0)]
    assert curve(records, "val_loss") == [(2, 3.0)]


def test_a_tokenizer_that_was_taken_over_is_not_complained_about() -> None:
    falling = [(step, 5.0 - step / 100) for step in range(1, 101)]
    course = Course(MICRO, 50_000, 50_000, 0.02, 0.02, falling, falling[9::10])
    assert any("vocabulary" in sentence for sentence in advise(course))
    assert not any("vocabulary" in sentence for sentence in advise(replace(course, tokenizer_chosen=False)))
