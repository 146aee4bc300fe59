"""Several texts for one job, of which the likeliest goes out.

What a small model finds likeliest as a whole makes sense far more often than what it happens to draw: a text that went
astray with one token pays for it with all that follow. OpenAI's completions have `best_of`, by the mean over tokens; here it
is the sum, so that of two texts the one with fewer doubtful words is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property

from picochat.inference.backend import ModelInfo
from picochat.inference.generation import Generation, Job, Token
from picochat.text.tokenizer import Tokenizer

COMPARED = 32
"""Tokens by which texts are compared. One that is longer is written on after that, as it comes."""

SMALL = 20_000_000
"""Parameters up to which a model draws several answers unasked: 11M take two cores a fifth of a second for a short one."""

UNASKED = 16
"""How many that are."""

REPEATED = 5.0
"""Nats by which an answer that says what was answered before counts as less likely: asked for another joke, the model has
one that is not much less likely; asked for a name again, it has nothing else to say that is anywhere near."""

RUN = 8
"""Tokens in a row that make a repetition, or a whole shorter answer."""


def samples(job: Job, info: ModelInfo) -> int:
    """How many texts are drawn for a job: one where they go on from a prompt, or would all be the same."""
    if not job.unguided or job.settings.temperature == 0:
        return 1
    return job.settings.best_of or (UNASKED if info.parameters <= SMALL else 1)


class BestOf:
    """The texts of a job until one is chosen, and from then on that one; a job that wants one text has chosen it at once.

    Attributes:
        generations: the texts, of which the first is drawn as it would be alone.
        chosen: the number of the one that goes out; `None` until all are far enough.
    """

    def __init__(self, job: Job, tokenizer: Tokenizer, info: ModelInfo) -> None:
        self.job = job
        self.generations = [Generation(replace(job, sample=k), tokenizer, info) for k in range(samples(job, info))]
        self.chosen = None if len(self.generations) > 1 else 0
        self._records: list[list[Token]] = [[] for _ in self.generations]
        self._sums = [0.0] * len(self.generations)
        self._ended = -math.inf

    def ripe(self, number: int) -> bool:
        """Whether this text is as far as it must be to be compared: one can only get less likely than one that has ended."""
        records = self._records[number]
        far = len(records) >= COMPARED or bool(records and records[-1].stop)
        return far or self._sums[number] < self._ended

    def add(self, number: int, record: Token) -> list[Token]:
        """Take the next record of a text; returns what goes out now."""
        if self.chosen is not None:
            return [record] if number == self.chosen else []
        self._records[number].append(record)
        self._sums[number] += record.logprob
        if (record.stop or len(self._records[number]) == COMPARED) and self._repeats(number):
            self._sums[number] -= REPEATED
        if record.stop and self._says(number):
            self._ended = max(self._ended, self._sums[number])
        if not all(map(self.ripe, range(len(self._records)))):
            return []
        # any text is better than none, however likely that is
        self.chosen = max(range(len(self._records)), key=lambda k: (self._says(k), self._sums[k]))
        # nobody saw them before
        return [replace(earlier, seconds=record.seconds) for earlier in self._records[self.chosen]]

    def cancel(self) -> Token:
        """The last record of a job that is not written to its end."""
        if self.chosen is None:
            return replace(self.generations[0].cancel(), text="")
        return self.generations[self.chosen].cancel()

    def _says(self, number: int) -> bool:
        """Whether there is anything to read in a text."""
        return any(record.text.strip() for record in self._records[number])

    def _repeats(self, number: int) -> bool:
        """Whether a text says what an answer in the prompt does."""
        return not self._said.isdisjoint(_runs([record.id for record in self._records[number]]))

    @cached_property
    def _said(self) -> set[tuple[int | None, ...]]:
        """The runs of all answers in the prompt: the last token of that opens each."""
        opener = self.job.ids[-1]
        runs: set[tuple[int | None, ...]] = set()
        answer: list[int] | None = None
        for token in self.job.ids:
            if answer is not None:
                answer.append(token)
                if token in self.job.end:
                    runs.update(_runs(answer))
                    answer = None
            elif token == opener:
                answer = []
        return runs


def _runs(answer: Sequence[int | None]) -> Iterator[tuple[int | None, ...]]:
    """All stretches of `RUN` tokens, or all of a shorter answer, its end included."""
    return (tuple(answer[start : start + RUN]) for start in range(max(1, len(answer) - RUN + 1)))
