"""The generator behind every front end: ids in, a stream of `Token` records out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from picochat.errors import CheckpointError, ContextOverflowError
from picochat.inference.backend import Backend, ModelInfo
from picochat.inference.opening import open_backend
from picochat.inference.sampling import Logits, choose, log_normaliser
from picochat.inference.settings import SamplingSettings
from picochat.text.chat_format import ChatFormat
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

PREFILL_CHUNK = 256
"""Tokens read at once: small enough that a long prompt can be stopped."""


@dataclass(frozen=True)
class Alternative:
    """A token that could have been chosen."""

    id: int
    text: str
    logprob: float


@dataclass(frozen=True)
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


class Engine:
    """A back end with its tokenizer; it remembers what the cache holds and reads only what is new.

    One generation at a time: the cache belongs to the last stream.
    """

    def __init__(self, backend: Backend, tokenizer: Tokenizer) -> None:
        self.backend = backend
        self.tokenizer = tokenizer
        self.chat_format = ChatFormat(tokenizer)
        self.prefilled = 0
        """Tokens that the last stream had to read before its first answer token."""
        self.slides = 0
        """Times the last stream dropped its oldest tokens to go on."""
        self._cached: list[int] = []

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
        return list(ids if len(ids) <= max(1, self.context - 1) else ids[-self._kept() :])

    @property
    def cached(self) -> int:
        """Tokens in the cache."""
        return len(self._cached)

    @property
    def cached_ids(self) -> list[int]:
        """The tokens in the cache."""
        return list(self._cached)

    def stream(
        self,
        ids: Sequence[int],
        settings: SamplingSettings,
        *,
        end: Collection[int] = (),
        slide: bool = True,
        alternatives: int = 0,
        cancelled: Callable[[], bool] = lambda: False,
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
        began = time.perf_counter()
        generator = np.random.default_rng(settings.seed)
        special = self.tokenizer.special_ids  # repeating these is no repetition
        text = _TextAssembler(self.tokenizer, settings.stop)
        sequence = self.fit(ids) or [self.tokenizer.start_of_text]
        self.slides = 0
        logits = self._prefill(sequence, cancelled)
        count = 0
        while logits is not None and not cancelled():
            normaliser = log_normaliser(logits)
            if not math.isfinite(normaliser):
                raise CheckpointError(f"{self.info.path} is damaged: it computes no numbers; get or train it again.")
            token = choose(logits, settings, generator, (seen for seen in sequence if seen not in special))
            record = {
                "id": token,
                "logprob": float(logits[token]) - normaliser,
                "alternatives": self._alternatives(logits, normaliser, alternatives),
            }
            count += 1
            stop: StopReason | None = None
            if token in end:
                stop, piece = "end", text.flush()
            else:
                piece = text.feed(token)
                if text.stopped:
                    stop = "stop"
                elif settings.max_tokens is not None and count >= settings.max_tokens:
                    stop, piece = "length", piece + text.flush()
                elif len(self._cached) >= self.context and not slide:
                    stop, piece = "context", piece + text.flush()
            sequence.append(token)
            yield Token(text=piece, seconds=time.perf_counter() - began, stop=stop, **record)  # type: ignore[arg-type]
            if stop:
                return
            if len(self._cached) >= self.context:
                self.slides += 1
                logits = self._prefill(sequence[-self._kept() :], cancelled)
            else:
                logits = self.backend.step(token)
                self._cached.append(token)
        yield Token(None, text.flush(), 0.0, time.perf_counter() - began, stop="cancelled")

    def forget(self) -> None:
        """Empty the cache."""
        self._truncate(0)

    # -- the cache ------------------------------------------------------------------------------------------------------

    def _kept(self) -> int:
        """Tokens that stay when the window slides: three quarters, so that reading them again is rare."""
        return max(1, self.context * 3 // 4)

    def _prefill(self, ids: Sequence[int], cancelled: Callable[[], bool]) -> npt.NDArray[np.float32] | None:
        """Bring the cache to exactly `ids` and return the logits after them; `None` when cancelled on the way.

        What the cache shares with `ids` from the start on is kept; the last token is always read, for its logits.
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
                raise ContextOverflowError(f"The prompt of {len(ids)} tokens exceeds the context of {self.context}.")
            logits = self.backend.prefill(chunk)
            self._cached.extend(chunk)
        return logits

    def _truncate(self, length: int) -> None:
        self.backend.truncate(length)
        del self._cached[length:]

    def _alternatives(self, logits: Logits, normaliser: float, count: int) -> tuple[Alternative, ...]:
        if count <= 0:
            return ()
        count = min(count, len(logits))
        top = np.argpartition(logits, -count)[-count:]
        top = top[np.argsort(-logits[top], kind="stable")]
        return tuple(
            Alternative(int(token), self.tokenizer.piece(int(token)), float(logits[token]) - normaliser) for token in top
        )


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


def load_engine(path: str | Path, *, device: str = "auto", threads: int | None = None, precision: str = "auto") -> Engine:
    """Load a model; arguments and errors are those of `open_backend`."""
    backend, tokenizer = open_backend(path, device=device, threads=threads, precision=precision)
    return Engine(backend, tokenizer)
