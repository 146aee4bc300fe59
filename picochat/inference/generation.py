"""One text while it is drawn: all of it but the model, so that a text alone and texts side by side are drawn alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from picochat.errors import CheckpointError
from picochat.inference.backend import ModelInfo
from picochat.inference.sampling import Logits, choose, distribution, guide, keep_top_k, log_normaliser
from picochat.inference.settings import SamplingSettings
from picochat.inference.speculation import Guess, settle
from picochat.text.tokenizer import Tokenizer

StopReason = Literal["end", "length", "stop", "context", "cancelled"]

STOP_TEXT: dict[StopReason, str] = {
    "end": "end of turn",
    "length": "length limit",
    "stop": "stop text",
    "context": "end of the context window",
    "cancelled": "stopped",
}
"""Stop reasons in words, for people."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A token that could have been chosen."""

    id: int
    text: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Token:
    """One step of a generation. The last record of a stream has `stop` set.

    Attributes:
        id: the token; `None` on a last record that carries no token (a stream that was cancelled).
        text: what the token adds to the text; never half a character, held back while it may begin a stop text.
        logprob: natural log of its probability under the model, before sampling settings.
        alternatives: the likeliest tokens at this place, likeliest first, when asked for.
        seconds: time since the stream began.
        stop: why the stream ends here, or `None`.
    """

    id: int | None
    text: str
    logprob: float
    seconds: float
    alternatives: tuple[Alternative, ...] = ()
    stop: StopReason | None = None


def never() -> bool:
    """What asks whether to stop, where nothing stops."""
    return False


@dataclass(frozen=True)
class Job:
    """What to draw.

    Attributes:
        ids: the prompt; one longer than the window is cut to its end. An empty one starts from the document mark.
        settings: how to draw. With `seed=None` the draw is different each time.
        end: ids that end the text.
        slide: at the end of the window drop the oldest tokens and go on, instead of stopping with "context".
        alternatives: how many other tokens to report at each place.
        cancelled: asked before each step; true ends the text.
        unguided: a prompt that says nothing, with the same last token: what `guidance_scale` holds the text away from.
            Answers have it; without it there is no guidance, and no choice of the best of several texts.
        sample: which of these texts this is; each is drawn from numbers of its own.

    Raises:
        ValueError: a text that slides can't be guided: its prompt goes out of sight.
    """

    ids: Sequence[int]
    settings: SamplingSettings
    end: Collection[int] = ()
    slide: bool = True
    alternatives: int = 0
    cancelled: Callable[[], bool] = never
    unguided: Sequence[int] = ()
    sample: int = 0

    def __post_init__(self) -> None:
        if self.unguided and (self.slide or self.unguided[-1] != self.ids[-1]):
            raise ValueError("a guided text must not slide, and both of its prompts must have the same end")


class Generation:
    """A job at work: who computes logits asks for the `window`, and hands over the logits that follow it, again and again.

    Attributes:
        generator: what draws.
        sequence: the prompt and all that was drawn.
        start: where in the sequence the window begins.
        slides: times that the window dropped its oldest tokens; what is cached is then of no use.
        count: tokens drawn.
    """

    def __init__(self, job: Job, tokenizer: Tokenizer, info: ModelInfo) -> None:
        self.job = job
        self.info = info
        seed = job.settings.seed
        self.generator = np.random.default_rng(seed if seed is None or not job.sample else (seed, job.sample))
        self.sequence = fit(job.ids, info.context) or [tokenizer.start_of_text]
        self.start = 0
        self.slides = 0
        self._tokenizer = tokenizer
        self.count = 0
        self._text = _TextAssembler(tokenizer, job.settings.stop)
        self._began = time.perf_counter()

    @property
    def window(self) -> list[int]:
        """The tokens that the model must have read before the next is drawn, the last drawn one included."""
        return self.sequence[self.start :]

    @property
    def drawn(self) -> list[int]:
        """The tokens that were drawn."""
        return self.sequence[len(self.sequence) - self.count :]

    @property
    def room(self) -> int:
        """Tokens that may still be drawn, as far as the length limit and the window tell."""
        room = self.info.context - (len(self.sequence) - self.start) + 1
        limit = self.job.settings.max_tokens
        return room if limit is None else min(room, limit - self.count)

    @property
    def guided(self) -> bool:
        """Whether the next token needs the logits after the job's `unguided` and what was drawn, too.

        Where that prompt is the longer one, it fills the window first; the last few tokens are then drawn without.
        """
        job = self.job
        fits = len(job.unguided) + self.count <= self.info.context
        return bool(job.unguided) and job.settings.guidance_scale != 1 and fits

    @property
    def seen(self) -> Iterator[int]:
        """The tokens that to repeat is a repetition: special ones are part of any text."""
        special = self._tokenizer.special_ids
        return (token for token in self.sequence if token not in special)

    def draw(self, logits: Logits, guess: Guess | None = None, unguided: Logits | None = None) -> Token:
        """Draw the next token.

        Args:
            logits: (vocab_size,) what follows the window.
            guess: what was expected here, if anything was.
            unguided: (vocab_size,) what would follow if the prompt were the job's `unguided`; for guided jobs.

        Raises:
            CheckpointError: the logits are no numbers.
        """
        job, settings = self.job, self.job.settings
        normaliser = log_normaliser(logits)
        if not math.isfinite(normaliser):
            raise CheckpointError(f"{self.info.path} is damaged: it computes no numbers; get or train it again.")
        wanted = logits if unguided is None else guide(logits, unguided, settings.guidance_scale)
        if guess is None or guess.drawn_from is None:
            token = choose(wanted, settings, self.generator, self.seen)
        else:
            token = settle(guess.token, guess.drawn_from, distribution(wanted, settings, self.seen), self.generator)
        self.sequence.append(token)
        self.count += 1
        full = len(self.sequence) - self.start > self.info.context
        stop: StopReason | None = None
        if token in job.end:
            stop, piece = "end", self._text.flush()
        else:
            piece = self._text.feed(token)
            if self._text.stopped:
                stop = "stop"
            elif settings.max_tokens is not None and self.count >= settings.max_tokens:
                stop, piece = "length", piece + self._text.flush()
            elif full and not job.slide:
                stop, piece = "context", piece + self._text.flush()
        if full and not stop:
            self.slides += 1
            self.start = len(self.sequence) - kept(self.info.context)
        others = self._alternatives(logits, normaliser, job.alternatives)
        return Token(token, piece, float(logits[token]) - normaliser, self._seconds, others, stop)

    def cancel(self) -> Token:
        """The last record of a text that is not drawn to its end."""
        return Token(None, self._text.flush(), 0.0, self._seconds, stop="cancelled")

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._began

    def _alternatives(self, logits: Logits, normaliser: float, count: int) -> tuple[Alternative, ...]:
        if count <= 0:
            return ()
        ids = keep_top_k(logits, count)
        likeliest = sorted(zip((-logits[ids]).tolist(), ids.tolist(), strict=True))
        piece = self._tokenizer.piece
        return tuple(Alternative(token, piece(token), -negative - normaliser) for negative, token in likeliest)


def kept(context: int) -> int:
    """Tokens that stay when a window slides: three quarters, so that reading them again is rare."""
    return max(1, context * 3 // 4)


def fit(ids: Sequence[int], context: int) -> list[int]:
    """A prompt as a window of `context` tokens takes it: a longer one is cut to its end."""
    return list(ids if len(ids) <= max(1, context - 1) else ids[-kept(context) :])


class _TextAssembler:
    """Turns tokens into text deltas: whole characters only, and nothing of a stop text."""

    def __init__(self, tokenizer: Tokenizer, stops: Sequence[str]) -> None:
        self._decoder = tokenizer.stream()
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.stopped = False

    def feed(self, token: int) -> str:
        """The text that can be shown after this token."""
        self._held += self._decoder.feed(token)
        found = [index for stop in self._stops if (index := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            shown, self._held = self._held[: min(found)], ""
            return shown
        keep = max((self._overlap(stop) for stop in self._stops), default=0)
        border = len(self._held) - keep
        shown, self._held = self._held[:border], self._held[border:]
        return shown

    def flush(self) -> str:
        """All that was held back."""
        shown, self._held = self._held + self._decoder.flush(), ""
        return shown

    def _overlap(self, stop: str) -> int:
        """Length of the longest end of the held text that begins `stop`."""
        for length in range(min(len(stop) - 1, len(self._held)), 0, -1):
            if self._held.endswith(stop[:length]):
                return length
        return 0
