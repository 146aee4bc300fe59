"""The model behind all clients: a bounded queue, and one thread that computes.

The thread owns the scheduler; nothing else touches it. Clients live in an event loop: they start a `Generation` and iterate
it for `Token` records. Whoever leaves a generation frees its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass

from picochat.errors import PicochatError
from picochat.inference.engine import Engine, Token
from picochat.inference.generation import Job
from picochat.inference.lanes import LANES, Scheduler

log = logging.getLogger(__name__)


class QueueFullError(PicochatError):
    """More texts are waiting than the queue holds."""


class StoppedError(PicochatError):
    """The service writes no more."""


@dataclass(frozen=True)
class Load:
    """How busy a service is, in texts."""

    running: int
    waiting: int


class Generation:
    """Texts that are being written for one request; iterate it for `(index of the job, Token)` as records come.

    Leave it with `cancel`, or use it in a `with` statement: what isn't finished then is given up.
    """

    def __init__(self, service: Service, jobs: int) -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._records: asyncio.Queue[tuple[int, Token | Exception | None]] = asyncio.Queue()
        self._unfinished = jobs
        self.cancelled = False

    def __enter__(self) -> Generation:
        return self

    def __exit__(self, *_: object) -> None:
        self.cancel()

    def cancel(self) -> None:
        """Give up what isn't finished, from any thread; the iteration ends."""
        if self._unfinished and not self.cancelled:
            self.cancelled = True
            self._service.wake()
            self.deliver(0, None)

    @property
    def more(self) -> bool:
        """Whether the next record is there already: who is slower than the model can take several at once."""
        return not self._records.empty()

    async def __aiter__(self) -> AsyncIterator[tuple[int, Token]]:
        """Yield records; raises what the model raised, or `StoppedError` when the service is closed."""
        while self._unfinished:
            index, record = await self._records.get()
            if isinstance(record, Exception):
                raise record
            if self.cancelled or record is None:
                return
            self._unfinished -= record.stop is not None
            yield index, record

    def deliver(self, index: int, record: Token | Exception | None) -> None:
        """Hand over a record from any thread; `None` is the end of a generation that was cancelled."""
        # a loop that is closed has nobody waiting
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._records.put_nowait, (index, record))


@dataclass(frozen=True, eq=False)
class _Text:
    """A job of a generation."""

    job: Job
    generation: Generation
    index: int
    client: str

    def deliver(self, record: Token | Exception) -> None:
        self.generation.deliver(self.index, record)


class Service:
    """One engine for many clients.

    Clients take turns: the next text is one of the client with the fewest at work, and who was served longest ago; of one
    client, the oldest.

    Args:
        engine: the model.
        parallel: how many texts are written side by side.
        queue: how many texts may wait beyond those at work. A request is taken whole as long as there is room for one text.

    Raises:
        DeviceError: no memory for so many side by side.
    """

    def __init__(self, engine: Engine, *, parallel: int = LANES, queue: int = 32) -> None:
        self.engine = engine
        self._scheduler = Scheduler(engine.backend, engine.tokenizer, parallel)
        self._most = parallel + queue
        self._waiting: list[_Text] = []
        self._running: dict[int, _Text] = {}
        self._turns: dict[str, int] = {}
        self._changed = threading.Condition()
        self._draining = self._closed = False
        self._thread = threading.Thread(target=self._work, name="picochat-service", daemon=True)
        self._thread.start()

    # -- for clients ----------------------------------------------------------------------------------------------------

    def generate(self, jobs: Sequence[Job], client: str = "") -> Generation:
        """Queue texts, from within an event loop.

        Args:
            client: who asks; texts of one client wait for those of others.

        Raises:
            QueueFullError: too many are waiting.
            StoppedError: the service takes no more.
        """
        generation = Generation(self, len(jobs))
        with self._changed:
            if self._draining:
                raise StoppedError("The server is stopping; try again later.")
            if len(self._waiting) + len(self._running) >= self._most:
                raise QueueFullError("The server is busy: its queue is full; try again in a moment.")
            self._waiting += [_Text(job, generation, index, client) for index, job in enumerate(jobs)]
            self._changed.notify()
        return generation

    @property
    def load(self) -> Load:
        """How busy it is."""
        return Load(len(self._running), len(self._waiting))

    @property
    def accepting(self) -> bool:
        """Whether it takes requests."""
        return not self._draining and self._thread.is_alive()

    def wake(self) -> None:
        """Let the thread see that a generation was cancelled."""
        with self._changed:
            self._changed.notify()

    def drain(self) -> None:
        """Take no more, and turn those away that wait; what is at work goes on."""
        with self._changed:
            self._draining = True
            turned_away, self._waiting = self._waiting, []
        _deliver(turned_away, StoppedError("The server is stopping; try again later."))

    def stop(self) -> None:
        """End after the step at work; what isn't finished ends with `StoppedError`."""
        self.drain()
        with self._changed:
            self._closed = True
            self._changed.notify()

    def close(self) -> None:
        """Stop, and wait for the thread."""
        self.stop()
        self._thread.join()

    # -- the thread -----------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while self._tend():
            try:
                records = self._scheduler.step() if self._running else []
            except Exception as error:
                self._fail(error)
                continue
            for handle, token in records:
                text = self._running.pop(handle) if token.stop else self._running[handle]
                text.deliver(token)
        _deliver(self._running.values(), StoppedError("The server was stopped before the text was finished."))

    def _tend(self) -> bool:
        """Wait for work, drop what was cancelled and begin what there is room for; false at the end of all work."""
        with self._changed:
            self._changed.wait_for(lambda: self._running or self._waiting or self._closed)
            if self._closed:
                return False
            self._waiting = [text for text in self._waiting if not text.generation.cancelled]
        for handle in [handle for handle, text in self._running.items() if text.generation.cancelled]:
            self._scheduler.cancel(handle)
            del self._running[handle]
        while self._scheduler.free and (text := self._next()):
            # without the lock: this may take a while, and the event loop must never wait for it
            try:
                self._running[self._scheduler.add(text.job)] = text
            except Exception as error:
                _report(error)
                text.deliver(error)
        return True

    def _next(self) -> _Text | None:
        """Take the oldest text of the client with the fewest at work, and among such of the one served longest ago."""
        at_work = Counter(text.client for text in self._running.values())
        with self._changed:
            if not self._waiting:
                return None
            text = min(self._waiting, key=lambda text: (at_work[text.client], self._turns.get(text.client, 0)))
            self._waiting.remove(text)
            # who does not wait any more is forgotten
            self._turns = {text.client: self._turns.get(text.client, 0) for text in self._waiting}
            self._turns[text.client] = max(self._turns.values(), default=0) + 1
        return text

    def _fail(self, error: Exception) -> None:
        """A step failed, and with it all that was at work; the next ones are tried again."""
        _report(error)
        failed, self._running = self._running, {}
        for handle, text in failed.items():
            self._scheduler.cancel(handle)
            text.deliver(error)


def _deliver(texts: Iterable[_Text], error: Exception) -> None:
    for text in texts:
        text.deliver(error)


def _report(error: Exception) -> None:
    """Log what is no message for a user: a bug, or memory that is full."""
    if not isinstance(error, PicochatError):
        log.error("The model failed.", exc_info=error)
