"""Several texts side by side: a pass over the weights moves all of them on (continuous batching, as in Orca, OSDI 2022).

Each text comes out as `Engine.stream` alone would write it, up to the rounding of logits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from picochat.inference.backend import PREFILL_CHUNK, Backend, Lanes
from picochat.inference.best_of import BestOf
from picochat.inference.generation import Generation, Job, Token
from picochat.inference.sampling import Logits
from picochat.text.tokenizer import Tokenizer

LANES = 8
"""Texts side by side where nothing else is asked for: each has a whole cache, and CPUs gain little from more."""


@dataclass(frozen=True)
class _Text:
    """One text of a job: of those that are compared, or the only one."""

    handle: int
    number: int
    generation: Generation


@dataclass
class _Lane:
    """One sequence: what its cache holds, and who writes in it.

    Attributes:
        handle: of the job that is, or was, written here; -1 before the first.
        text: what is at work here; `None` for a free lane, whose cache stays for whom it serves.
        slides: of the generation, as far as the cache has followed; -1 before its prompt was looked for.
        unguided: what the cache beside it holds, of the guided texts that were written here.
    """

    number: int
    cached: list[int] = field(default_factory=list)
    handle: int = -1
    text: _Text | None = None
    slides: int = -1
    unguided: list[int] = field(default_factory=list)


class Scheduler:
    """Jobs that are written side by side; they may be added and cancelled while others are at work.

    A job that is the best of several texts takes as many lanes, or one after the other where fewer are free.

    Args:
        backend: the model; its own cache stays as it is, and may be in use meanwhile.
        count: the most texts at a time.

    Raises:
        DeviceError: no memory for so many.
    """

    def __init__(self, backend: Backend, tokenizer: Tokenizer, count: int = LANES) -> None:
        self._model = backend
        self._tokenizer = tokenizer
        self._backend = backend.lanes(count)
        self._unguided: Lanes | None = None
        self._lanes = [_Lane(number) for number in range(count)]
        self._waiting: deque[_Text] = deque()
        self._jobs: dict[int, BestOf] = {}
        self._added = 0
        self.prefilled = 0
        """Tokens of prompts that were read so far, but for the last one of each."""

    @property
    def count(self) -> int:
        """Lanes in all."""
        return len(self._lanes)

    @property
    def caches(self) -> int:
        """How many caches they have, those for guidance included; they take memory as they are filled."""
        return self.count * (1 if self._unguided is None else 2)

    @property
    def free(self) -> int:
        """How many more jobs may be added now: there are never more than lanes."""
        return len(self._lanes) - len(self._jobs)

    @property
    def busy(self) -> bool:
        """Whether any job is at work."""
        return bool(self._jobs)

    def add(self, job: Job) -> int:
        """Take a job, to be written by the next steps.

        Returns:
            Its handle: the number of jobs added before it.

        Raises:
            ValueError: there are as many jobs as lanes.
        """
        if not self.free:
            raise ValueError(f"all {len(self._lanes)} lanes are at work")
        best = BestOf(job, self._tokenizer, self._model.info)
        handle, self._added = self._added, self._added + 1
        self._jobs[handle] = best
        self._waiting.extend(_Text(handle, number, one) for number, one in enumerate(best.generations))
        self._seat()
        return handle

    def cancel(self, handle: int) -> Token | None:
        """End a job now; its last record, or `None` if it had ended."""
        best = self._jobs.pop(handle, None)
        self._dismiss(handle, lambda number: True)
        return None if best is None else best.cancel()

    def cached(self, handle: int) -> list[int]:
        """The tokens in the cache of a job's text; while there are several, those of the prompt."""
        best = self._jobs.get(handle)
        for lane in self._lanes:
            if lane.handle == handle and (best is None or lane.text is not None):
                undecided = best is not None and best.chosen is None
                return lane.cached[: len(best.job.ids)] if best and undecided else list(lane.cached)
        return []

    def step(self) -> list[tuple[int, Token]]:
        """Move all jobs on: a token for each text whose prompt is read, and a piece of the prompts that are not.

        Returns:
            Handles and records: one for each job whose text moved on, all so far where it was just chosen. A job is over
            with the record that has `stop` set.

        Raises:
            CheckpointError: the model computes no numbers.
        """
        records = []
        for handle, best in list(self._jobs.items()):
            if best.job.cancelled() and (last := self.cancel(handle)):
                records.append((handle, last))
        self._seat()
        ready = self._prefill()
        if ready:
            unguided = self._step_unguided(ready)
            rows = self._backend.step({lane.number: text.generation.sequence[-1] for lane, text in ready})
            for (lane, text), logits in zip(ready, rows, strict=True):
                lane.cached.append(text.generation.sequence[-1])
                if lane.text is not text:
                    continue  # another text of its job has just ended, and this one can't be better
                token = text.generation.draw(logits, unguided=unguided.get(lane.number))
                records += [(text.handle, record) for record in self._take(lane, text, token)]
        return records

    def _take(self, lane: _Lane, text: _Text, token: Token) -> list[Token]:
        """Note the next record of a text; returns what of its job goes out."""
        best = self._jobs[text.handle]
        open_before = best.chosen is None
        records = best.add(text.number, token)
        if token.stop:
            lane.text = None
        if open_before:
            self._dismiss(text.handle, best.ripe)
        if open_before and best.chosen is not None and not records[-1].stop:
            self._waiting.appendleft(_Text(text.handle, best.chosen, best.generations[best.chosen]))
        if records and records[-1].stop:
            del self._jobs[text.handle]
        return records

    def _dismiss(self, handle: int, which: Callable[[int], bool]) -> None:
        """Let go of those texts of a job whose numbers `which` is true of."""
        self._waiting = deque(text for text in self._waiting if text.handle != handle or not which(text.number))
        for lane in self._lanes:
            if lane.text is not None and lane.text.handle == handle and which(lane.text.number):
                lane.text = None

    def _seat(self) -> None:
        """Give texts that wait a lane."""
        while self._waiting and (free := [lane for lane in self._lanes if lane.text is None]):
            text = self._waiting.popleft()
            window = text.generation.window
            # the lane that holds most of it, such as what was said before; else the one that was left longest ago
            lane = max(free, key=lambda lane: (_shared(lane.cached, window), -lane.handle))
            lane.handle, lane.text, lane.slides = text.handle, text, -1

    def _step_unguided(self, ready: Sequence[tuple[_Lane, _Text]]) -> dict[int, Logits]:
        """The logits beside those of the windows that guided texts need, by lane: from lanes of the same numbers."""
        guided = [(lane, text.generation) for lane, text in ready if text.generation.guided]
        if not guided:
            return {}
        if self._unguided is None:
            self._unguided = self._model.lanes(len(self._lanes))
        for lane, generation in guided:
            wanted = [*generation.job.unguided, *generation.drawn][:-1]
            if lane.unguided != wanted:
                held = {each.number: each.unguided for each in self._lanes}
                shared = _copy_shared(self._unguided, lane.number, held, wanted)
                if missing := wanted[shared:]:
                    self._unguided.prefill(lane.number, missing)
                lane.unguided = wanted
        rows = self._unguided.step({lane.number: generation.sequence[-1] for lane, generation in guided})
        for lane, generation in guided:
            lane.unguided.append(generation.sequence[-1])
        return {lane.number: row for (lane, _), row in zip(guided, rows, strict=True)}

    def _prefill(self) -> list[tuple[_Lane, _Text]]:
        """Read what lanes lack but their last token, up to a chunk in all; returns those that lack nothing else.

        The last token is read in one pass with all others: the logits after a prompt that several share cost no pass of
        their own. The oldest jobs are read first, so that later ones can copy what they share with them.
        """
        ready = []
        left = PREFILL_CHUNK
        at_work = [(lane, lane.text) for lane in self._lanes if lane.text is not None]
        for lane, text in sorted(at_work, key=lambda pair: (pair[1].handle, pair[1].number)):
            generation = text.generation
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
                self.prefilled += len(chunk)
            if len(lane.cached) == length - 1:
                ready.append((lane, text))
        return ready

    def _align(self, lane: _Lane, window: Sequence[int]) -> None:
        """Let the lane's cache hold the longest beginning of `window`, without its last token, that any lane holds."""
        wanted = window[:-1]
        shared = _copy_shared(self._backend, lane.number, {each.number: each.cached for each in self._lanes}, wanted)
        lane.cached = list(wanted[:shared])


def _copy_shared(lanes: Lanes, number: int, held: Mapping[int, Sequence[int]], wanted: Sequence[int]) -> int:
    """Let a lane hold the longest beginning of `wanted` that any of those in `held` does; returns its length."""
    best = max(held, key=lambda other: (_shared(held[other], wanted), other == number))
    shared = _shared(held[best], wanted)
    if best != number:
        lanes.fork(best, number)
    lanes.truncate(number, shared)
    return shared


def _shared(cached: Sequence[int], wanted: Sequence[int]) -> int:
    """Tokens that both begin with."""
    length = 0
    for have, want in zip(cached, wanted, strict=False):
        if have != want:
            break
        length += 1
    return length
