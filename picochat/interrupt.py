"""Stopping long work without losing it."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

HANGUP: int | None = getattr(signal, "SIGHUP", None)
"""What a closed terminal sends; Windows has none."""
STOPPING: tuple[int, ...] = (signal.SIGINT, signal.SIGTERM, *([] if HANGUP is None else [HANGUP]))
"""Signals that ask for a stop."""


class Interrupt:
    """While active, the first Ctrl-C, SIGTERM or closed terminal only sets `requested`; a second one ends the program."""

    def __init__(self) -> None:
        self.requested: int | None = None
        self._previous: dict[int, Any] = {}
        self._terminals: list[int] = []

    def __enter__(self) -> Interrupt:
        self.requested = None
        # Python delivers signals to the main thread only; elsewhere the owner stops the work in its own way
        if threading.current_thread() is threading.main_thread():
            self._terminals = [file for file in range(3) if os.isatty(file)]
            for number in STOPPING:
                if number != HANGUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup wants to go on
                    self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        """Whether the work should stop."""
        return self.requested is not None

    @property
    def exit_code(self) -> int:
        """What a shell expects of a program that a signal ended: 130 for Ctrl-C."""
        return 128 + (self.requested or 0)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.requested = number
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        if number == HANGUP:
            nothing = os.open(os.devnull, os.O_RDWR)
            for file in self._terminals:  # a closed terminal refuses what is still to be said
                os.dup2(nothing, file)
            os.close(nothing)
