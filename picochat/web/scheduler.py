"""Who writes next: what the service asks of a scheduler, and the one for back ends with a single cache."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from picochat.inference.engine import Engine, Token
from picochat.inference.prompt import Request
from picochat.inference.settings import SamplingSettings


@dataclass(frozen=True)
class Job:
    """One text to write.

    Attributes:
        request: what to go on from.
        settings: how to draw.
        alternatives: how many other tokens to report at each place.
    """

    request: Request
    settings: SamplingSettings
    alternatives: int = 0


class Scheduler(Protocol):
    """Writes several texts side by side. All calls come from one thread."""

    @property
    def free(self) -> int:
        """How many texts can be added now."""

    def add(self, job: Job) -> Hashable:
        """Begin a text where one is `free`; the handle names it until its last record."""

    def step(self) -> Iterable[tuple[Hashable, Token]]:
        """Move on: records that are new, each with the handle of its text; the last of a text has `stop` set."""

    def cancel(self, handle: Hashable) -> None:
        """Give up a text that has not come to its end: no more records, and its place is free."""


class OneByOne:
    """One text at a time, by the engine as any front end uses it: a prompt that begins like the last is not read again."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stream: Iterator[Token] | None = None
        self._count = 0

    @property
    def free(self) -> int:
        """See `Scheduler.free`."""
        return int(self._stream is None)

    def add(self, job: Job) -> Hashable:
        """See `Scheduler.add`."""
        request = job.request
        self._stream = self._engine.stream(
            request.ids, job.settings, end=request.end, slide=request.slide, alternatives=job.alternatives
        )
        self._count += 1
        return self._count

    def step(self) -> Iterable[tuple[Hashable, Token]]:
        """See `Scheduler.step`."""
        if self._stream is None:
            return []
        token = next(self._stream)
        if token.stop:
            self._stream = None
        return [(self._count, token)]

    def cancel(self, handle: Hashable) -> None:
        """See `Scheduler.cancel`."""
        if handle == self._count:
            self._stream = None
