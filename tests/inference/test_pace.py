"""Threads chosen by how long steps take."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from picochat.inference.pace import ASIDE, NEAR, PATIENCE, TRIAL, Pace


def drive(pace: Pace, cost: Callable[[int, int], float], steps: int, start: int = 0) -> list[int]:
    """The ways taken in so many steps, each of which takes `cost(way, step)`."""
    taken = []
    for step in range(start, start + steps):
        taken.append(pace.way)
        pace.took(cost(pace.way, step))
    return taken


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=4))
def test_the_way_with_the_fewest_cores_of_the_quickest_is_found_and_kept(costs: list[float]) -> None:
    pace = Pace(len(costs))
    taken = drive(pace, lambda way, _: costs[way], 20 * TRIAL)
    assert set(taken[TRIAL * len(costs) :]) == {max(way for way, cost in enumerate(costs) if cost <= NEAR * min(costs))}


def test_two_threads_give_way_while_the_machine_is_busy_and_come_back() -> None:
    # of two ways the first is quicker on a quiet machine, and ten times slower than the second on a busy one
    def cost(way: int, step: int) -> float:
        busy = 100 <= step < 1000
        return (0.001, 0.0018)[way] if not busy else (0.03, 0.0036)[way]

    taken = drive(Pace(2), cost, 2500)
    assert set(taken[2 * TRIAL : 100]) == {0}
    assert taken[150:990].count(1) > 0.95 * 840
    assert taken[1000 + 2 * PATIENCE :].count(0) > 0.95 * (1500 - 2 * PATIENCE)


def test_a_context_that_grows_is_no_reason_to_try_again() -> None:
    taken = drive(Pace(2), lambda way, step: (0.001, 0.002)[way] * (1 + step / 2000), 2000)
    assert set(taken[2 * TRIAL : 600]) == {0}
    assert taken.count(1) < 100


def test_one_way_is_never_left() -> None:
    assert set(drive(Pace(1), lambda _, step: 0.001 * (1 + step % 50), 500)) == {0}


def test_a_comparison_that_something_came_into_is_made_again() -> None:
    # steps of the first way are held up now and then while the ways are first compared
    def cost(way: int, step: int) -> float:
        return (0.0010, 0.0014)[way] if step >= 2 * TRIAL or way == 1 else (0.0010, 0.003)[step % 3 > 0]

    taken = drive(Pace(2), cost, 200)
    assert set(taken[2 * TRIAL : 3 * TRIAL]) == {1}
    assert set(taken[-50:]) == {0}


def test_a_moment_in_which_a_core_is_taken_is_waited_out_with_fewer_threads() -> None:
    # something takes a core for 16 ms each 100 ms
    now = 0.0
    taken: list[tuple[int, bool]] = []
    pace = Pace(2)
    for _ in range(1000):
        busy = now % 0.1 > 0.084
        taken.append((pace.way, busy))
        seconds = (0.004 if busy else 0.001, 0.0014)[pace.way]
        pace.took(seconds)
        now += seconds
    settled = taken[4 * TRIAL :]
    assert sum(way == 0 for way, busy in settled if not busy) > 0.85 * sum(not busy for _, busy in settled)
    assert sum(way == 1 for way, busy in settled if busy) > 0.4 * sum(busy for _, busy in settled)


def test_one_slow_step_changes_nothing_and_two_are_followed_by_a_few_with_fewer_threads_only() -> None:
    def drawn(slow: set[int]) -> list[int]:
        return drive(Pace(2), lambda way, step: 0.01 if step in slow else (0.001, 0.0014)[way], 80)[2 * TRIAL :]

    assert drawn({40}) == [0] * (80 - 2 * TRIAL)
    assert drawn({40, 41}) == [0] * (42 - 2 * TRIAL) + [1] * ASIDE + [0] * (80 - 42 - ASIDE)


def test_a_way_that_was_chosen_while_another_was_held_up_is_left_again() -> None:
    # for a while steps of the first way take a bit longer than those of the second, whose own are always the same
    def cost(way: int, step: int) -> float:
        return (0.0050 if 100 <= step < 200 else 0.0025, 0.0048)[way]

    taken = drive(Pace(2), cost, 500)
    assert 1 in taken[100:200]
    assert set(taken[-100:]) == {0}
