"""How many threads a step should take, learnt from how long steps take.

Two threads that wait for each other after every matrix product are up to twice as fast as one, on a quiet machine. For a
small model the waiting may cost more than the second thread brings; and when another program uses the cores, one of the two
is often off its core while the other waits, and both together fall to a tenth. So the ways are tried in turn, for a few
steps each, and the best one goes on until steps take longer or shorter than they did. What takes a core for more than a
step is got out of the way of. The screen that draws the text is not: its drawing is over with the step that it held up.
"""

from __future__ import annotations

from statistics import median

TRIAL = 8
"""Steps by which a way is judged."""

CHANGE = 1.6
"""Times slower or quicker than usual from which on the ways are compared anew. Longer contexts slow steps down too, but
slowly. Steps of one trial that differ by as much leave a doubt."""

NEAR = 1.1
"""Times slower than the quickest way up to which one that needs fewer cores is taken: others have a use for them, the screen
for one."""

PATIENCE = 256
"""Steps until the next comparison while the machine is busy, which may pass; on a quiet one there is none."""

DOUBT = 32
"""Steps until a comparison is made again that something came into; twice as many after each that is no clearer."""

HELD_UP = 2.5
"""Times slower than usual from which on a step has waited for a core: after two, the next ones do with the last way."""

ASIDE = 3
"""Steps they are; twice as many each time that the step after them is held up, too."""


class Pace:
    """Chooses among several ways, numbered from 0, by measured times.

    Args:
        ways: how many there are. The first is taken where there is only one, and tried first; the last is the one that
            needs the fewest cores.
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
        self._doubtful = False
        self._patience = DOUBT
        self._best = 0
        self._aside, self._next_aside = 0, ASIDE
        self._held_up = False

    def took(self, seconds: float) -> None:
        """Tell how long the last step took."""
        if self.ways == 1:
            return
        if self._aside:
            self._aside -= 1
            self.way = self.way if self._aside else self._best
            return
        self._times.append(seconds)
        if len(self._times) == TRIAL:
            self._judge(self._times)
            self._times = []
        elif not self._trying:
            self._make_way(seconds)

    def _judge(self, times: list[float]) -> None:
        """What the steps of a trial, or of going on, say about the way they were taken."""
        now = median(times)
        self._fastest[self.way] = min(now, self._fastest.get(self.way, now))
        if self._trying:
            self._doubtful |= max(times) > CHANGE * min(times)
            self._compare(now)
            return
        self._steps += TRIAL
        busy = now > CHANGE * self._fastest[self.way]
        changed = now > CHANGE * self._usual or now * CHANGE < self._usual
        if changed or (busy and self._steps >= PATIENCE) or (self._doubtful and self._steps >= self._patience):
            self._patience = min(2 * self._patience, PATIENCE) if self._doubtful else DOUBT
            self._trying, self._doubtful, self._found = True, False, {self.way: now}
            self.way = (self.way + 1) % self.ways
        elif now > self._usual:
            self._usual += (now - self._usual) / 8  # a longer context

    def _compare(self, now: float) -> None:
        """Take down what the way under trial took; when all have been tried, go on with the best."""
        self._found[self.way] = now
        if len(self._found) < self.ways:
            self.way = (self.way + 1) % self.ways
            return
        enough = NEAR * min(self._found.values())
        self.way = self._best = max(way for way, seconds in self._found.items() if seconds <= enough)
        self._usual, self._steps, self._trying = self._found[self.way], 0, False
        # a way was quicker once, and may be again: what held it up need not show in this one
        self._doubtful |= self._usual > CHANGE * min(self._fastest.values())
        self._found = {}

    def _make_way(self, seconds: float) -> None:
        """After steps that were held up, do for a while without the core that another program, or the screen, has taken."""
        last = self.ways - 1
        if seconds <= HELD_UP * self._usual or self.way == last:
            self._next_aside, self._held_up = ASIDE, False
            return
        if not self._held_up:
            self._held_up = True
            return
        self.way = last
        self._aside, self._next_aside = self._next_aside, min(2 * self._next_aside, PATIENCE)
