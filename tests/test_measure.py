"""The figures of the training text."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

DATA = Path(__file__).parent.parent / "data"
TEXT = """\
User: Hi there!
Assistant: Hi.

User: What's new?
Assistant: Hi.
User: I'm here.
Assistant: One two three four five six.
"""


@pytest.fixture(scope="module")
def measure() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DATA))
        import measure
    return measure  # type: ignore[no-any-return]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, DATA / "measure.py", *map(str, arguments)], capture_output=True, text=True)


def test_figures_of_a_small_text(tmp_path: Path) -> None:
    path = tmp_path / "small.txt"
    path.write_text(TEXT)
    result = run("--file", path)
    assert result.returncode == 0, result.stderr
    rows = {
        line.split(" | ")[0].removeprefix("| "): line.split(" | ")[-1].removesuffix(" |")
        for line in result.stdout.splitlines()
    }
    assert rows["conversations"] == "2"
    assert rows["bytes"] == str(len(TEXT))
    assert rows["messages"] == "6"
    assert rows["words"] == "14"
    assert rows["distinct words"] == "12 (85.7%)"
    assert rows["distinct 2-grams"] == "8 (100.0%)"
    assert rows["conversations with a near-duplicate"] == "0 (0.0%)"
    assert rows["answers that were given before, word for word"] == "1 (33.3%)"
    assert rows["conversations of 1 exchange"] == rows["conversations of 2 exchanges"] == "1 (50.0%)"
    assert rows["answers of 1 to 5 words"] == "2 (66.7%)"
    assert rows["answers of 6 to 10 words"] == "1 (33.3%)"


def test_what_is_no_conversation_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "page.txt").write_text("Once upon a time")
    for name in ("none.txt", "empty.txt", "page.txt"):
        result = run("--file", tmp_path / name)
        assert result.returncode == 1
        assert result.stderr.startswith("measure: ")
        assert name in result.stderr
        assert "Traceback" not in result.stderr


@given(sets=st.lists(st.sets(st.integers(0, 30), max_size=24), max_size=12), seed=st.sets(st.integers(0, 30), min_size=15))
def test_near_duplicates_are_those_that_an_exact_comparison_finds(
    measure: ModuleType, sets: list[set[int]], seed: set[int]
) -> None:
    sets = [*sets, seed, seed ^ {min(seed)}, set()]

    def similarity(one: set[int], other: set[int]) -> float:
        return len(one & other) / len(one | other) if one | other else 0.0

    def having(bound: float) -> set[int]:
        return {
            place
            for place, one in enumerate(sets)
            if any(similarity(one, other) > bound for at, other in enumerate(sets) if at != place)
        }

    # close to the bound a pair may, rarely, meet in no band
    found = measure.near_duplicates(sets)
    assert having(0.9) <= found <= having(measure.NEAR)
    assert {len(sets) - 3, len(sets) - 2} <= found
