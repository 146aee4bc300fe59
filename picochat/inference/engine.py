"""The generator behind every front end: ids in, a stream of `Token` records out."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from picochat.errors import ConfigError, ContextOverflowError, DeviceError
from picochat.inference.backend import PREFILL_CHUNK, Backend, ModelInfo
from picochat.inference.best_of import samples
from picochat.inference.generation import STOP_TEXT, Alternative, Generation, Job, StopReason, Token, fit, never
from picochat.inference.lanes import LANES, Scheduler
from picochat.inference.opening import open_backend
from picochat.inference.sampling import Logits
from picochat.inference.settings import SamplingSettings
from picochat.inference.speculation import DraftModel, Guesser, Lookahead, PromptLookup
from picochat.text.chat_format import ChatFormat
from picochat.text.tokenizer import Tokenizer

__all__ = ["STOP_TEXT", "Alternative", "Engine", "StopReason", "Token", "load_engine"]


class Engine:
    """A back end with its tokenizer; it remembers what the cache holds and reads only what is new.

    One generation at a time: the cache belongs to the last stream, and one that was still open ends as if cancelled.
    """

    def __init__(self, backend: Backend, tokenizer: Tokenizer) -> None:
        self.backend = backend
        self.tokenizer = tokenizer
        self.chat_format = ChatFormat(tokenizer)
        self.prefilled = 0
        """Tokens that the last stream had to read before its first answer token."""
        self.slides = 0
        """Times the last stream dropped its oldest tokens to go on."""
        self.speculate: bool | None = None
        """Whether to guess tokens that occurred before, to read several at once. `None` is yes where it changes no text: at
        fp32. With 16 bits or fewer, several tokens at once round otherwise than one by one, and a near draw may turn."""
        self.draft: Engine | None = None
        """A smaller model that guesses tokens; see `use_draft`."""
        self._cached: list[int] = []
        self._twin: Backend | None = None
        self._ahead = Lookahead(backend)
        self._side: Scheduler | None = None
        self._beside: int | None = None

    @property
    def info(self) -> ModelInfo:
        """Facts of the model."""
        return self.backend.info

    @property
    def context(self) -> int:
        """The model's window, in tokens."""
        return self.backend.info.context

    @property
    def end_of_turn(self) -> frozenset[int]:
        """The tokens that end an answer; in ChatML also the one that would open another turn."""
        return self.tokenizer.ends

    def reserve(self, limit: int | None) -> int:
        """Tokens of the window that a conversation leaves free for an answer of at most `limit`: a quarter at the most."""
        return max(1, min(limit or self.context, self.context // 4))

    def fit(self, ids: Sequence[int]) -> list[int]:
        """A prompt as a stream reads it: one longer than the window is cut to its end."""
        return fit(ids, self.context)

    def use_draft(self, draft: Engine | None) -> None:
        """Let a smaller model guess tokens from now on; `None` ends that.

        Texts come faster, if it often guesses right, and are as likely as without it. What a seed gives is another text,
        but where the likeliest token is always taken.

        Raises:
            ConfigError: the draft has other tokens.
        """
        if draft is not None and (
            draft.info.vocab_size != self.info.vocab_size or draft.tokenizer.digest() != self.tokenizer.digest()
        ):
            raise ConfigError(
                f"{draft.info.path} can't draft for {self.info.path}: their tokenizers differ; "
                "take a model that was trained with the same one (`train --tokenizer`)."
            )
        self.draft = draft

    @property
    def cached(self) -> int:
        """Tokens in the cache."""
        return len(self.cached_ids)

    @property
    def cached_ids(self) -> list[int]:
        """The tokens in the cache of the last stream."""
        if self._side is not None and self._beside is not None:
            return self._side.cached(self._beside)
        return list(self._cached)

    @property
    def caches(self) -> int:
        """How many caches there are: its own, one for guidance, and those of answers that are compared."""
        return 1 + (self._twin is not None) + (self._side.caches if self._side is not None else 0)

    def stream(
        self,
        ids: Sequence[int],
        settings: SamplingSettings,
        *,
        end: Collection[int] = (),
        slide: bool = True,
        alternatives: int = 0,
        cancelled: Callable[[], bool] = never,
    ) -> Iterator[Token]:
        """Generate after `ids`.

        Args:
            ids: the prompt; one longer than the window is cut to its end. An empty one starts from the document mark.
            settings: how to draw. With `seed=None` the draw is different each time.
            end: ids that end the text.
            slide: at the end of the window drop the oldest tokens and go on, instead of stopping with "context".
            alternatives: how many other tokens to report at each place.
            cancelled: asked before each step; true ends the stream.

        Yields:
            `Token` records; the last one has `stop` set.
        """
        return self.run(Job(ids, settings, end, slide, alternatives, cancelled))

    def run(self, job: Job) -> Iterator[Token]:
        """`stream` for a job, which has the same arguments; of several samples the best."""
        # with a draft, a seed gives the text that the draft leads to
        count = samples(job, self.info)
        if count > 1 and self.draft is None and (side := self._room(count)) is not None:
            yield from self._run_beside(side, job)
            return
        self._beside = None
        generation = Generation(job, self.tokenizer, self.info)
        self._ahead = ahead = Lookahead(self.backend, self._guessers(job.settings.seed))
        self.slides = 0
        logits = self.read(generation.window, job.cancelled)
        while logits is not None and not job.cancelled():
            token = generation.draw(logits, ahead.guess, self._unguided(generation))
            yield token
            if token.stop:
                return
            if self._ahead is not ahead:
                break
            if generation.slides > self.slides:
                self.slides = generation.slides
                logits = self.read(generation.window, job.cancelled)
            else:
                logits = ahead.step(generation)
                self._cached.append(generation.sequence[-1])
        yield generation.cancel()

    def run_many(self, jobs: Iterable[Job], *, lanes: int = LANES) -> Iterator[tuple[int, Token]]:
        """Write several texts side by side; the engine's own cache stays as it is.

        Args:
            jobs: what to write; as long as there are more texts than `lanes`, the next begins where one has ended.

        Yields:
            Numbers of jobs, from 0, and their records, as they come; the records of a job are those of `run`.
        """
        waiting = deque(jobs)
        if not waiting:
            return
        scheduler = Scheduler(self.backend, self.tokenizer, min(lanes, sum(samples(job, self.info) for job in waiting)))
        while waiting or scheduler.busy:
            while waiting and scheduler.free:
                scheduler.add(waiting.popleft())  # handles count as jobs do
            yield from scheduler.step()

    def forget(self) -> None:
        """Empty the caches."""
        self._side = self._beside = None
        self._truncate(0)

    def _room(self, count: int) -> Scheduler | None:
        """Lanes for the samples of an answer, those of the last one if they are enough; `None` without the memory."""
        if self._side is None or self._side.count < count:
            try:
                self._side = Scheduler(self.backend, self.tokenizer, count)
            except DeviceError:
                return None
        return self._side

    def _run_beside(self, side: Scheduler, job: Job) -> Iterator[Token]:
        """`run` for the best of several texts, in lanes that keep what was said for the next one."""
        if self._beside is not None:
            side.cancel(self._beside)
        self._ahead = ahead = Lookahead(self.backend)
        self.slides = 0
        began, before = time.perf_counter(), side.prefilled
        self._beside = handle = side.add(job)
        while self._ahead is ahead:
            for _, token in side.step():
                self.prefilled = side.prefilled - before + 1
                yield token
                if token.stop:
                    return
        # the text that ended this one has taken its lanes
        yield side.cancel(handle) or Token(None, "", 0.0, time.perf_counter() - began, stop="cancelled")

    # -- the cache ------------------------------------------------------------------------------------------------------

    def read(self, ids: Sequence[int], cancelled: Callable[[], bool] = never) -> Logits | None:
        """Bring the cache to exactly `ids` and return the logits after them; `None` when cancelled on the way.

        What the cache shares with `ids` from the start on is kept; the last token is always read, for its logits.

        Raises:
            ContextOverflowError: they exceed the window.
        """
        shared = 0
        for have, want in zip(self._cached, ids[:-1], strict=False):
            if have != want:
                break
            shared += 1
        self._truncate(shared)
        self.prefilled = len(ids) - shared
        logits = None
        for first in range(shared, len(ids), PREFILL_CHUNK):
            if cancelled():
                return None
            chunk = ids[first : first + PREFILL_CHUNK]
            if len(self._cached) + len(chunk) > self.context:
                raise ContextOverflowError(
                    f"The prompt of {len(ids)} tokens exceeds the context of {self.context}; shorten it."
                )
            logits = self.backend.prefill(chunk)
            self._cached.extend(chunk)
        return logits

    def advance(self, token: int) -> Logits:
        """Read one more token; returns the logits after it."""
        logits = self.backend.step(token)
        self._cached.append(token)
        return logits

    def _unguided(self, generation: Generation) -> Logits | None:
        """The logits beside those of the window that a guided text needs; from a cache of their own."""
        if not generation.guided:
            return None
        if self._twin is None:
            self._twin = self.backend.twin()
        if generation.count:
            return self._twin.step(generation.sequence[-1])
        self._twin.truncate(0)
        return self._twin.prefill(generation.job.unguided)

    def _truncate(self, length: int) -> None:
        self.backend.truncate(length)
        del self._cached[length:]
        self._ahead.clear()

    def _guessers(self, seed: int | None) -> list[Guesser]:
        guessers: list[Guesser] = []
        if self.speculate or (self.speculate is None and self.info.precision == "fp32"):
            guessers.append(PromptLookup())
        if self.draft is not None:
            guessers.append(DraftModel(self.draft, seed))
        return guessers


def load_engine(path: str | Path, *, device: str = "auto", threads: int | None = None, precision: str = "auto") -> Engine:
    """Load a model; arguments and errors are those of `open_backend`."""
    backend, tokenizer = open_backend(path, device=device, threads=threads, precision=precision)
    return Engine(backend, tokenizer)
