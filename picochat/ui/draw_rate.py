"""How often text that is being written is drawn."""

from __future__ import annotations

import time

SHARE = 0.05
"""What drawing may take of a processor that the model computes on."""
FASTEST = 1 / 30
"""Seconds from one drawing to the next at least: nobody sees more."""
SLOWEST = 1 / 4
"""Seconds at most: text must be seen to grow."""
MEMORY = 0.7
"""How much of the estimate stays when another drawing has been measured: a new line costs several times what a word does."""


class DrawRate:
    """The time between drawings, from what they cost on this machine.

    `measure` is called on the thread that draws, `wait` read on the one that makes the text.
    """

    def __init__(self) -> None:
        self._spent: float | None = None
        self._cost: float | None = None
        self.wait = FASTEST
        """Seconds to let pass before more is drawn."""

    def measure(self) -> None:
        """Take the processor time since the last call for the cost of the drawing that followed it."""
        spent = time.thread_time()
        if self._spent is not None:
            cost = spent - self._spent
            self._cost = cost if self._cost is None else MEMORY * self._cost + (1 - MEMORY) * cost
            self.wait = min(max(self._cost / SHARE, FASTEST), SLOWEST)
        self._spent = spent
