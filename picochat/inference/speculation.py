"""Several tokens for one pass over the weights: the next ones are guessed, and all guesses are read at once.

A pass takes about as long for a few tokens as for one, as it is the weights that must be fetched (speculative decoding,
arXiv 2211.17192). Guesses change no text's distribution, only the number of passes. There are two kinds.

- Prompt lookup: what followed the same three tokens before is copied (arXiv 2304.04487). Such a guess is certain, so the
  next token is drawn as without it, with the same random number, and the guess is right if it is what was drawn. A seed
  thus gives the same text with and without.
- A draft model: a smaller model draws the next tokens, and `settle` accepts or redraws each. A seed then gives another text
  of the same distribution. Drawing here, too, with the numbers that would have been used without would keep the text, but
  at the same number two nearby distributions pick different tokens too often: with drafts whose guesses could be accepted
  94 or 75 times in 100 at the standard settings, it would be 81 or 56 times, and half as often without a top-k.
  Greedy texts are the same either way.

That holds up to rounding: a pass over several tokens may sum in another order than a pass over one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from picochat.inference.backend import Backend
from picochat.inference.sampling import Ids, Logits, distribution, pick

if TYPE_CHECKING:
    from picochat.inference.engine import Engine
    from picochat.inference.generation import Generation

NGRAM = 3
"""Tokens that must be the same for what followed them to be a guess; two are often so by chance."""

FIRST_GUESSES = 3
MOST_GUESSES = 8
"""More tokens at once are no longer read in the time of one, at least on CPUs."""

NEWS = 0.3
"""Weight of the last pass in the running mean of tokens that a pass gains."""

LEAST_GAIN = 0.5
"""With fewer tokens gained a pass, what reading several at once costs more eats the gain."""

FIRST_PAUSE = 4
LONGEST_PAUSE = 64
"""Tokens without guesses after wrong ones; with all wrong, one pass in so many is somewhat longer than it need be."""

Candidates = tuple[Ids, npt.NDArray[np.float64]]
"""What may be drawn, and how likely each is."""


@dataclass(frozen=True)
class Guess:
    """A token that may come next; `drawn_from` is `None` where it was not drawn."""

    token: int
    drawn_from: Candidates | None = None


class Guesser(Protocol):
    """Where guesses come from."""

    def guess(self, generation: Generation, most: int) -> list[Guess]:
        """At most `most` tokens that may follow the sequence. What comes may depend on guesses before it, and `most` not on
        any of them: to leave out a guess for what it is would change the text's distribution.
        """


def settle(guess: int, drawn_from: Candidates, wanted: Candidates, generator: np.random.Generator) -> int:
    """A token drawn from `wanted` that is `guess`, itself drawn from `drawn_from`, as often as can be.

    The rule of arXiv 2211.17192: the guess is kept with the probability p / q (p wanted, q drawn from), and what takes its
    place is drawn from the normalised max(0, p - q).
    """
    ids, p = wanted
    q = _look_up(ids, drawn_from)
    there = ids == guess
    chance = float(p[there][0] / q[there][0]) if there.any() else 0.0
    if chance >= 1 or generator.random() < chance:
        return guess
    rest = np.maximum(p - q, 0.0)
    # equal but for rounding: then nothing is left, and any of them serves
    return pick(ids, rest if rest.any() else p, generator)


def _look_up(ids: Ids, candidates: Candidates) -> npt.NDArray[np.float64]:
    """The probability of each of `ids` among `candidates`, both in rising order; 0 for what is none of them."""
    places = np.minimum(np.searchsorted(candidates[0], ids), len(candidates[0]) - 1)
    return np.where(candidates[0][places] == ids, candidates[1][places], 0.0)


class PromptLookup:
    """Guesses that what followed the last tokens the last time follows them again; for one generation."""

    def __init__(self) -> None:
        self._after: dict[tuple[int, ...], int] = {}
        self._seen = NGRAM

    def guess(self, generation: Generation, most: int) -> list[Guess]:
        """See `Guesser.guess`."""
        sequence = generation.sequence
        for place in range(self._seen, len(sequence)):
            self._after[tuple(sequence[place - NGRAM : place])] = place
        self._seen = max(NGRAM, len(sequence))
        found = self._after.get(tuple(sequence[-NGRAM:]))
        if found is None:
            return []
        # a copy that reaches the sequence's end goes on from its own beginning, as a repetition does
        period = len(sequence) - found
        return [Guess(sequence[found + index % period]) for index in range(most)]


class DraftModel:
    """Guesses what a smaller model with the same tokens draws; for one generation.

    Args:
        engine: the smaller model; its cache is used.
        seed: that of the generation.
    """

    def __init__(self, engine: Engine, seed: int | None) -> None:
        self._engine = engine
        # numbers of its own: a guess must not know those that judge it
        self._generator = np.random.default_rng(None if seed is None else (seed, 1))

    def guess(self, generation: Generation, most: int) -> list[Guess]:
        """See `Guesser.guess`. A window that is longer than the draft's own gets no guesses."""
        engine, settings = self._engine, generation.job.settings
        window = generation.window
        if len(window) + most > engine.context:
            return []
        guesses: list[Guess] = []
        logits = engine.read(window, generation.job.cancelled)
        while logits is not None:
            seen = [*generation.seen, *(guess.token for guess in guesses)] if settings.repetition_penalty != 1 else []
            candidates = distribution(logits, settings, seen)
            guesses.append(Guess(pick(*candidates, self._generator), candidates))
            if len(guesses) >= most or guesses[-1].token in generation.job.end:
                break
            logits = engine.advance(guesses[-1].token)
        return guesses


class Boldness:
    """How many tokens to guess: more while guesses are right, none for a while when passes gain too little by them."""

    def __init__(self) -> None:
        self._most = FIRST_GUESSES
        self._gain = 1.0
        self._pause = FIRST_PAUSE
        self._resting = 0

    def next(self) -> int:
        """Tokens to guess now; asked once for each pass."""
        if self._resting:
            self._resting -= 1
            return 0
        return self._most

    def learn(self, guessed: int, right: int) -> None:
        """How the last guesses fared."""
        self._most = min(2 * self._most, MOST_GUESSES) if right == guessed else max(2, right + 1)
        self._gain += (right - self._gain) * NEWS
        if self._gain >= LEAST_GAIN:
            self._pause = FIRST_PAUSE
        else:
            self._resting, self._pause = self._pause, min(2 * self._pause, LONGEST_PAUSE)


class Lookahead:
    """The logits after each token of one generation, read ahead where a token can be guessed.

    The back end's cache holds, after the tokens that are certain, those that were guessed and not yet drawn.

    Args:
        guessers: asked in turn, the first that has guesses is taken; without any, each token is read alone.
    """

    def __init__(self, backend: Backend, guessers: Sequence[Guesser] = ()) -> None:
        self._backend = backend
        self._guessers = [(each, Boldness()) for each in guessers]
        self._boldness: Boldness | None = None
        self._guessed = self._right = 0
        self._ahead: deque[tuple[Guess, Logits]] = deque()

    @property
    def guess(self) -> Guess | None:
        """What is expected to be drawn next."""
        return self._ahead[0][0] if self._ahead else None

    def step(self, generation: Generation) -> Logits:
        """Read the token that was drawn last, the only one of the window that the cache lacks; the logits after it."""
        token, ahead = generation.sequence[-1], self._ahead
        if ahead and ahead[0][0].token == token:
            self._right += 1
            return ahead.popleft()[1]
        if self._boldness is not None:
            self._boldness.learn(self._guessed, self._right)
            self._boldness = None
        if ahead:
            self._backend.truncate(self._backend.length - len(ahead))
            self.clear()
        guesses = self._guess(generation)
        if not guesses:
            return self._backend.step(token)
        rows = self._backend.read([token, *(guess.token for guess in guesses)])
        self._ahead.extend(zip(guesses, rows[1:], strict=True))
        self._guessed, self._right = len(guesses), 0
        logits: Logits = rows[0]
        return logits

    def clear(self) -> None:
        """Guess nothing more of what was read: the cache has lost it."""
        # a new one: a conversation may be reset by another thread than the one that is in `step`
        self._ahead = deque()

    def _guess(self, generation: Generation) -> list[Guess]:
        for guesser, boldness in self._guessers:
            # the token after the last guess comes from the same pass
            most = min(boldness.next(), generation.room - 1)
            if most > 0 and (guesses := guesser.guess(generation, most)):
                self._boldness = boldness
                return guesses
        return []
