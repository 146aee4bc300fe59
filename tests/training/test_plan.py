from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.errors import ConfigError
from picochat.model.config import ModelConfig
from picochat.training.config import TrainConfig
from picochat.training.machine import COMPILED, Machine
from picochat.training.plan import Plan, amount, batch_tokens, make_plan
from picochat.training.sizing import (
    LADDER,
    LEAST_RATIO,
    MOST_EPOCHS,
    RATIO,
    DataSize,
    Limits,
    candidates,
    fit_speed,
    flops_per_token,
    multiplying,
)

DATA = Path("text.txt")


class MadeUp:
    """A machine whose step takes a part that does not depend on the size, and a part that does."""

    def __init__(self, flops: float, overhead: float = 0.0) -> None:
        self.flops, self.overhead = flops, overhead
        self.asked: list[int] = []

    def __call__(self, shape: ModelConfig, *, batch_size: int) -> float:
        self.asked.append(multiplying(shape))
        return 1 / (self.overhead + flops_per_token(shape) / self.flops)


LAPTOP = (300e9, 3e-5)
GPU = (150e12, 3e-7)


def plan(seconds: float, octets: float, speed: tuple[float, float] = LAPTOP, **more: Any) -> Plan:
    machine = {name: more.pop(name) for name in ("device", "memory", "compiled") if name in more}
    data = DataSize(int(octets), **{name: more.pop(name) for name in ("chats", "documents") if name in more})
    return make_plan(TrainConfig(data=DATA, time=seconds, **more), data, Machine(MadeUp(*speed), **machine))


seconds_of_a_run = st.floats(60, 1e6)
octets_of_text = st.integers(10_000, 10_000_000_000)
speeds = st.sampled_from([(50e9, 1e-5), LAPTOP, (800e9, 0.0), (10e12, 1e-6), GPU])


# -- the ladder ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_ladder_rises_from_half_a_million_to_350_million(device: str) -> None:
    shapes = candidates(TrainConfig(data=DATA), DataSize(10**10), (), device)
    sizes = [multiplying(shape) for shape in shapes]
    assert len(shapes) == len(LADDER)
    assert sizes == sorted(sizes)
    assert 0.4e6 < sizes[0] < 0.8e6
    assert 320e6 < shapes[-1].parameters < 380e6
    assert all(after < 1.8 * before for before, after in itertools.pairwise(sizes))
    assert all(32 <= shape.dim / shape.layers <= 64 and shape.dim % 64 == 0 for shape in shapes)


@given(octets=octets_of_text)
def test_a_small_text_gets_a_small_vocabulary(octets: int) -> None:
    for shape in candidates(TrainConfig(data=DATA), DataSize(octets)):
        assert 512 <= shape.vocab_size <= max(512, min(32_768, 16 * shape.dim, octets / 400))


def test_a_larger_vocabulary_makes_fewer_tokens() -> None:
    data = DataSize(1_000_000)
    counts = [data.tokens_at(size) for size in (300, 512, 1024, 4096, 32_768, 100_000)]
    assert counts == sorted(counts, reverse=True)
    assert DataSize(1_000_000, tokens=77).tokens_at(512) == 77


# -- choosing -----------------------------------------------------------------------------------------------------------


@given(seconds=seconds_of_a_run, longer=st.floats(1, 50), octets=octets_of_text, speed=speeds)
def test_more_time_never_gives_a_smaller_model(
    seconds: float, longer: float, octets: int, speed: tuple[float, float]
) -> None:
    assert multiplying(plan(seconds * longer, octets, speed).shape) >= multiplying(plan(seconds, octets, speed).shape)


@given(seconds=seconds_of_a_run, octets=octets_of_text, speed=speeds, device=st.sampled_from(["cpu", "cuda"]))
def test_a_plan_stays_within_its_bounds(seconds: float, octets: int, speed: tuple[float, float], device: str) -> None:
    made = plan(seconds, octets, speed, device=device)
    shapes = candidates(TrainConfig(data=DATA), DataSize(octets), (), device)
    assert made.shape in shapes
    assert made.epochs <= MOST_EPOCHS or made.steps == 1
    assert made.seconds is not None
    assert made.seconds <= seconds * (1 + 1e-9) or made.steps == 1
    smallest = made.shape == shapes[0]
    assert smallest or LEAST_RATIO * multiplying(made.shape) <= MOST_EPOCHS * made.text_tokens
    assert made.config.model_config_for(made.shape.vocab_size) == made.shape


@given(seconds=seconds_of_a_run, octets=octets_of_text, speed=speeds)
def test_a_plan_takes_few_measurements(seconds: float, octets: int, speed: tuple[float, float]) -> None:
    machine = MadeUp(*speed)
    made = make_plan(TrainConfig(data=DATA, time=seconds), DataSize(octets), Machine(machine))
    assert len(machine.asked) == len(set(machine.asked)) <= 6
    assert multiplying(made.shape) in machine.asked


@pytest.mark.parametrize(("speed", "seconds"), [(LAPTOP, 7200), ((300e9, 0.0), 7200), (GPU, 1200), (GPU, 8 * 3600)])
def test_no_other_shape_would_end_better(speed: tuple[float, float], seconds: float) -> None:
    made = plan(seconds, 1e11, speed)
    limits = Limits(DataSize(10**11), 0.9 * seconds)
    machine = MadeUp(*speed)
    best = min(
        candidates(TrainConfig(data=DATA), DataSize(10**11)),
        key=lambda shape: limits.loss(shape, machine(shape, batch_size=1)),
    )
    assert made.shape == best


def test_with_all_the_text_there_is_a_run_has_nanochats_tokens_per_parameter() -> None:
    for seconds in (600, 7200, 80_000):
        assert RATIO / 1.8 < plan(seconds, 1e11, (300e9, 0.0)).tokens_per_parameter < RATIO * 1.8


def test_a_cost_that_does_not_depend_on_the_size_speaks_for_a_larger_model() -> None:
    lean, heavy = plan(7200, 1e10, (300e9, 0.0)), plan(7200, 1e10, (300e9, 1e-3))
    assert heavy.tokens_per_parameter < lean.tokens_per_parameter
    # the time of so few tokens would be lost on a small one
    assert heavy.shape.dim >= plan(7200, 1e10, (8e9, 0.0)).shape.dim


def test_two_hours_on_a_laptop_are_for_seven_to_ten_million_parameters() -> None:
    made = plan(7200, 300e6, (400e9, 2e-5))
    assert 6e6 < made.shape.parameters < 11e6
    assert made.shape.context == 256


def test_a_noisy_machine_ends_with_a_measured_shape() -> None:
    speeds = iter([900.0, 1500.0, 100.0, 1200.0, 80.0, 2000.0, 1000.0, 1000.0])
    asked: dict[int, float] = {}

    def measure(shape: ModelConfig, *, batch_size: int) -> float:
        return asked.setdefault(multiplying(shape), next(speeds))

    made = make_plan(TrainConfig(data=DATA, time=7200), DataSize(10**9), Machine(measure))
    assert made.tokens_per_second == asked[multiplying(made.shape)]


@given(overhead=st.floats(1e-9, 1e-3), slope=st.floats(1e-15, 1e-9))
def test_the_speed_is_fitted_exactly_where_it_follows_the_law(overhead: float, slope: float) -> None:
    points = [(flops, 1 / (overhead + slope * flops)) for flops in (1e7, 3e7, 1e9)]
    a, b = fit_speed(points)
    for flops, speed in points:
        assert 1 / (a + b * flops) == pytest.approx(speed, rel=1e-4)


@given(st.lists(st.tuples(st.floats(1e6, 1e10), st.floats(1, 1e7)), min_size=1, max_size=5))
def test_a_fitted_time_is_never_negative(points: list[tuple[float, float]]) -> None:
    a, b = fit_speed(points)
    assert a >= 0 <= b
    assert a + b > 0


# -- what follows -------------------------------------------------------------------------------------------------------


@given(tokens=st.floats(1, 1e13))
def test_there_are_enough_steps(tokens: float) -> None:
    batch = batch_tokens(tokens)
    steps = tokens / batch
    assert batch & (batch - 1) == 0
    assert steps >= 3000 or (steps >= 500 and batch <= 8192) or (steps >= 100 and batch <= 2048) or batch == 1


def test_batches_grow_with_the_run() -> None:
    assert batch_tokens(50e6) == 16_384
    assert 2**17 <= batch_tokens(1e9) <= 2**18
    sizes = [batch_tokens(10**power) for power in range(13)]
    assert sizes == sorted(sizes)


@given(seconds=st.floats(60, 1e5), octets=st.integers(100_000, 10**9), speed=speeds)
def test_evaluations_take_a_small_part_of_a_run(seconds: float, octets: int, speed: tuple[float, float]) -> None:
    made = plan(seconds, octets, speed)
    config = made.config
    assert config.eval_every is not None
    count = made.steps / config.eval_every
    assert count <= 20
    if config.eval_batches > 1:
        assert count * config.eval_batches / 3 <= 0.05 * made.steps * config.accumulation * (1 + 1e-9)


def test_a_small_text_ends_the_run_early_and_the_plan_says_so() -> None:
    made = plan(7200, 1e6)
    assert made.config.epochs == MOST_EPOCHS
    assert made.shape.parameters < 2.5e6
    assert made.seconds is not None
    assert made.seconds < 3600
    assert any("more text would help" in reason for reason in made.reasons)
    assert any("too small to fill" in reason for reason in made.reasons)
    assert plan(7200, 1e9).config.epochs is None


def test_a_small_text_means_a_small_model() -> None:
    sizes = [plan(7200, octets).shape.parameters for octets in (100e3, 1e6, 10e6, 1e9)]
    assert sizes == sorted(set(sizes))


def test_conversations_that_do_not_fit_get_a_longer_window() -> None:
    assert plan(7200, 100e6, chats=True, documents=10_000).shape.context == 512
    assert plan(7200, 100e6, chats=True, documents=1_000_000).shape.context == 256


def test_little_memory_holds_a_small_model_and_few_rows() -> None:
    rich = plan(8 * 3600, 1e11, GPU, device="cuda")
    poor = plan(8 * 3600, 1e11, GPU, device="cuda", memory=2_000_000_000)
    assert rich.shape.parameters > poor.shape.parameters
    assert poor.memory.total <= 1_600_000_000
    assert any("do not fit in memory" in reason for reason in poor.reasons)


def test_compiling_counts_its_gain_and_its_minute() -> None:
    slow, fast = plan(7200, 1e9, preset="micro"), plan(7200, 1e9, preset="micro", compiled=True)
    assert slow.tokens_per_second is not None
    assert fast.tokens_per_second == pytest.approx(COMPILED * slow.tokens_per_second)
    assert slow.tokens < fast.tokens < COMPILED * slow.tokens
    assert any("torch.compile" in reason for reason in fast.reasons)


# -- what was asked for -------------------------------------------------------------------------------------------------

WISHES: dict[str, Any] = {
    "layers": 3, "embedding": 512, "context": 128, "batch_size": 5, "accumulation": 3, "lr": 0.01, "schedule": "cosine",
    "min_lr": 0.3, "vocab_size": 700, "epochs": 2.0, "eval_every": 7, "eval_batches": 2, "preset": "small", "kv_heads": 1,
    "feed_forward": 640, "steps": 50,
}  # fmt: skip


@given(names=st.sets(st.sampled_from(sorted(WISHES))), seconds=seconds_of_a_run, octets=octets_of_text)
def test_what_was_asked_for_stays(names: set[str], seconds: float, octets: int) -> None:
    wishes = {name: WISHES[name] for name in names}
    made = plan(seconds, octets, **wishes)
    assert {name: getattr(made.config, name) for name in names} == wishes
    assert not names & made.changes.keys()
    assert made.config.time == seconds
    assert made.config.model_config_for(made.shape.vocab_size) == made.shape
    if "embedding" in names:
        assert "Embedding 512, as asked." in made.reasons
    if "steps" in names:
        assert made.steps <= 50
    if "epochs" in names:
        assert made.epochs <= 2 or made.steps == 1


def test_a_width_is_combined_with_the_depths_of_the_ladder() -> None:
    made = plan(7200, 1e9, embedding=100)
    assert made.shape.dim == 100
    assert made.shape.heads * made.shape.head_dim == 100


def test_a_shape_that_can_not_be_is_told() -> None:
    with pytest.raises(ConfigError, match="heads"):
        plan(7200, 1e9, heads=37)


def test_a_model_to_start_from_keeps_its_shape() -> None:
    shape = ModelConfig.create(preset="nano", vocab_size=300)
    data = DataSize(10**7, vocab_size=300, tokens=4_000_000)
    made = make_plan(TrainConfig(data=DATA, time=600), data, Machine(MadeUp(*LAPTOP)), shape=shape)
    assert made.shape == shape
    assert not {"layers", "embedding", "context", "vocab_size"} & made.changes.keys()


def test_a_time_needs_a_measured_machine() -> None:
    with pytest.raises(ConfigError, match="speed of this machine"):
        make_plan(TrainConfig(data=DATA, time=60), DataSize(1000), Machine())


# -- plans of a plain run, and plans in words ---------------------------------------------------------------------------


def test_a_plain_run_is_planned_as_it_is() -> None:
    config = TrainConfig(data=DATA, preset="nano", epochs=3, batch_size=4)
    made = make_plan(config, DataSize(1_000_000, vocab_size=2048, tokens=300_000), Machine())
    assert made.config == config
    assert made.changes == {}
    assert made.steps == -(-3 * 300_000 // (4 * 256))
    assert made.epochs == pytest.approx(3, rel=0.01)
    assert made.seconds is made.tokens_per_second is None
    assert "not measured" in made.describe()


def test_a_plain_run_can_be_timed() -> None:
    data = DataSize(1_000_000, vocab_size=2048, tokens=300_000)
    made = make_plan(TrainConfig(data=DATA, preset="nano", steps=100), data, Machine(MadeUp(*LAPTOP)))
    assert made.tokens_per_second is not None
    assert made.seconds == pytest.approx(100 * 16 * 256 / made.tokens_per_second / 0.9)


def test_a_plan_reads_as_a_table_and_its_reasons() -> None:
    made = plan(7200, 300e6)
    table, _, reasons = made.describe().partition("\n\n")
    names = [line[:15].rstrip() for line in table.splitlines()]
    assert names[:4] == ["network", "parameters", "vocabulary", "context"]
    assert len({line.index(line[15:].lstrip()[:5]) for line in table.splitlines()}) == 1
    assert reasons.splitlines() == list(made.reasons)
    assert all(len(line) <= 125 or "activations" in line for line in made.describe().splitlines())


def test_a_starved_network_is_warned_of() -> None:
    made = plan(600, 1e9, preset="base")
    assert any("are few" in reason for reason in made.reasons)
    assert dataclasses.replace(made, reasons=()).describe().strip()


def test_amounts_have_three_figures() -> None:
    assert [amount(n) for n in (7, 999.6, 12_345, 11_200_000, 999_900_000, 1.05e9)] == [
        "7", "1.00k", "12.3k", "11.2M", "1.00B", "1.05B",
    ]  # fmt: skip
