"""How many threads a step should take, learnt from how long steps take.

Two threads that wait for each other after every matrix product are up to twice as fast as one, on a quiet machine. For a
small model the waiting may cost more than the second thread brings; and when another program uses the cores, one of the two
is often off its core while the other waits, and both together fall to a tenth. So the ways are tried in turn, for a few
steps each, and the quicker one goes on until steps take longer or shorter than they did.
"""

from __future__ import annotations

from statistics import median

TRIAL = 8
"""Steps by which a way is judged."""

CHANGE = 1.6
"""Times slower or quicker than usual from which on the ways are compared anew. Longer contexts slow steps down too, but
slowly."""

PATIENCE = 256
"""Steps until the next comparison while the machine is busy, which may pass; on a quiet one there is none."""


class Pace:
    """Chooses among several ways, numbered from 0, by measured times.

    Args:
        ways: how many there are. The first is taken where there is only one, and tried first.
    """

    def __init__(self, ways: int) -> None:
        self.ways = ways
        self.way = 0
        self._times: list[float] = []
        self._found: dict[int, float] = {}
        self._usual = 0.0
        self._fastest: dict[int, float] = {}
        self._steps = 0
        self._trying = ways > 1

    def took(self, seconds: float) -> None:
        """Tell how long the last step took."""
        if self.ways == 1:
            return
        self._times.append(seconds)
        if len(self._times) < TRIAL:
            return
        now = median(self._times)
        self._times.clear()
        self._fastest[self.way] = min(now, self._fastest.get(self.way, now))
        if self._trying:
            self._compare(now)
            return
        self._steps += TRIAL
        busy = now > CHANGE * self._fastest[self.way]
        changed = now > CHANGE * self._usual or now * CHANGE < self._usual
        if changed or (busy and self._steps >= PATIENCE):
            self._trying, self._found = True, {self.way: now}
            self.way = (self.way + 1) % self.ways
        elif now > self._usual:
            self._usual += (now - self._usual) / 8  # a longer context

    def _compare(self, now: float) -> None:
        """Take down what the way under trial took; when all have been tried, go on with the quickest."""
        self._found[self.way] = now
        if len(self._found) < self.ways:
            self.way = (self.way + 1) % self.ways
            return
        self.way = min(self._found, key=lambda way: self._found[way])
        self._usual, self._steps, self._trying = self._found[self.way], 0, False
        self._found = {}
