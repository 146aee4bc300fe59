"""Threads chosen by how long steps take."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from picochat.inference.pace import PATIENCE, TRIAL, Pace


def drive(pace: Pace, cost: Callable[[int, int], float], steps: int, start: int = 0) -> list[int]:
    """The ways taken in so many steps, each of which takes `cost(way, step)`."""
    taken = []
    for step in range(start, start + steps):
        taken.append(pace.way)
        pace.took(cost(pace.way, step))
    return taken


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=4))
def test_the_quickest_way_is_found_and_kept(costs: list[float]) -> None:
    pace = Pace(len(costs))
    taken = drive(pace, lambda way, _: costs[way], 20 * TRIAL)
    assert {costs[way] for way in taken[TRIAL * len(costs) :]} == {min(costs)}


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
