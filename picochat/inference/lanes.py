"""Several texts side by side: a pass over the weights moves all of them on (continuous batching, as in Orca, OSDI 2022).

Each text comes out as `Engine.stream` alone would write it, up to the rounding of logits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from picochat.inference.backend import Lanes
from picochat.inference.engine import PREFILL_CHUNK, Engine
from picochat.inference.generation import Generation, Job, Token
from picochat.inference.sampling import Logits

LANES = 8
"""Texts side by side where nothing else is asked for: each has a whole cache, and CPUs gain little from more."""


@dataclass
class _Lane:
    """One sequence: what its cache holds, and who writes in it.

    Attributes:
        handle: of the job that is, or was, written here; -1 before the first.
        generation: that job at work; `None` for a free lane, whose cache stays for whom it serves.
        slides: of the generation, as far as the cache has followed; -1 before its prompt was looked for.
    """

    number: int
    cached: list[int] = field(default_factory=list)
    handle: int = -1
    generation: Generation | None = None
    slides: int = -1


class Scheduler:
    """Jobs that are written side by side; they may be added and cancelled while others are at work.

    Args:
        engine: the model; its own cache stays as it is, and a stream of its own may be at work meanwhile.
        count: the most jobs at a time.

    Raises:
        DeviceError: no memory for so many.
    """

    def __init__(self, engine: Engine, count: int = LANES) -> None:
        self._engine = engine
        self._backend = engine.backend.lanes(count)
        self._unguided: Lanes | None = None
        self._lanes = [_Lane(number) for number in range(count)]
        self._added = 0

    @property
    def free(self) -> int:
        """How many jobs can be added now."""
        return sum(lane.generation is None for lane in self._lanes)

    @property
    def busy(self) -> bool:
        """Whether any job is at work."""
        return self.free < len(self._lanes)

    def add(self, job: Job) -> int:
        """Take a job, to be written by the next steps.

        Returns:
            Its handle: the number of jobs added before it.

        Raises:
            ValueError: no lane is free.
        """
        free = [lane for lane in self._lanes if lane.generation is None]
        if not free:
            raise ValueError(f"all {len(self._lanes)} lanes are at work")
        generation = Generation(job, self._engine.tokenizer, self._engine.info)
        # the lane that holds most of the prompt, such as what was said before; else the one that was left longest ago
        lane = max(free, key=lambda lane: (_shared(lane.cached, generation.window), -lane.handle))
        lane.handle, lane.generation, lane.slides = self._added, generation, -1
        self._added += 1
        return lane.handle

    def cancel(self, handle: int) -> Token | None:
        """End a job now; its last record, or `None` if it had ended."""
        for lane in self._lanes:
            if lane.handle == handle and lane.generation is not None:
                last, lane.generation = lane.generation.cancel(), None
                return last
        return None

    def step(self) -> list[tuple[int, Token]]:
        """Move all jobs on: a token for each whose prompt is read, and a piece of the prompts that are not.

        Returns:
            Handles and records, at most one a job. A job is over, and its lane free, with the record that has `stop` set.

        Raises:
            CheckpointError: the model computes no numbers.
        """
        records = []
        for lane in self._lanes:
            if lane.generation is not None and lane.generation.job.cancelled():
                records.append((lane.handle, lane.generation.cancel()))
                lane.generation = None
        ready = self._prefill()
        if ready:
            unguided = self._step_unguided(ready)
            rows = self._backend.step({lane.number: generation.sequence[-1] for lane, generation in ready})
            for (lane, generation), logits in zip(ready, rows, strict=True):
                lane.cached.append(generation.sequence[-1])
                token = generation.draw(logits, unguided=unguided.get(lane.number))
                if token.stop:
                    lane.generation = None
                records.append((lane.handle, token))
        return records

    def _step_unguided(self, ready: Sequence[tuple[_Lane, Generation]]) -> dict[int, Logits]:
        """The logits beside those of the windows that guided texts need, by lane: from lanes of the same numbers."""
        guided = {lane.number: generation for lane, generation in ready if generation.guided}
        if not guided:
            return {}
        if self._unguided is None:
            self._unguided = self._engine.backend.lanes(len(self._lanes))
        for number, generation in guided.items():
            if generation.count == 0:
                self._unguided.truncate(number, 0)
                if before := generation.job.unguided[:-1]:
                    self._unguided.prefill(number, before)
        rows = self._unguided.step({number: generation.sequence[-1] for number, generation in guided.items()})
        return dict(zip(guided, rows, strict=True))

    def _prefill(self) -> list[tuple[_Lane, Generation]]:
        """Read what lanes lack but their last token, up to a chunk in all; returns those that lack nothing else.

        The last token is read in one pass with all others: the logits after a prompt that several share cost no pass of
        their own. The oldest jobs are read first, so that later ones can copy what they share with them.
        """
        ready = []
        left = PREFILL_CHUNK
        at_work = [(lane, lane.generation) for lane in self._lanes if lane.generation is not None]
        for lane, generation in sorted(at_work, key=lambda pair: pair[0].handle):
            if lane.slides < generation.slides:
                if left == 0:
                    continue
                self._align(lane, generation.window)
                lane.slides = generation.slides
            length = len(generation.sequence) - generation.start
            if (missing := length - 1 - len(lane.cached)) > 0 and left > 0:
                start = generation.start + len(lane.cached)
                chunk = generation.sequence[start : start + min(missing, left)]
                self._backend.prefill(lane.number, chunk)
                lane.cached.extend(chunk)
                left -= len(chunk)
            if len(lane.cached) == length - 1:
                ready.append((lane, generation))
        return ready

    def _align(self, lane: _Lane, window: Sequence[int]) -> None:
        """Let the lane's cache hold the longest beginning of `window`, without its last token, that any lane holds."""
        wanted = window[:-1]
        best = max(self._lanes, key=lambda other: (_shared(other.cached, wanted), other is lane))
        shared = _shared(best.cached, wanted)
        if best is not lane:
            self._backend.fork(best.number, lane.number)
        self._backend.truncate(lane.number, shared)
        lane.cached = list(wanted[:shared])


def stream_many(engine: Engine, jobs: Iterable[Job], *, lanes: int = LANES) -> Iterator[tuple[int, Token]]:
    """Write several texts side by side.

    Args:
        jobs: what to write; as long as there are more than `lanes`, the next begins where one has ended.

    Yields:
        Numbers of jobs, from 0, and their records, as they come; the records of a job are those of `Engine.stream`.
    """
    waiting = deque(jobs)
    if not waiting:
        return
    scheduler = Scheduler(engine, min(lanes, len(waiting)))
    while waiting or scheduler.busy:
        while waiting and scheduler.free:
            scheduler.add(waiting.popleft())  # handles count as jobs do
        yield from scheduler.step()


def _shared(cached: Sequence[int], wanted: Sequence[int]) -> int:
    """Tokens that both begin with."""
    length = 0
    for have, want in zip(cached, wanted, strict=False):
        if have != want:
            break
        length += 1
    return length
