"""One answer while it comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from picochat.chat.conversation import Conversation, Entry, Prompt
from picochat.chat.footnote import footnote, pace_of, tokens_per_second
from picochat.chat.records import StoredMessage
from picochat.inference.engine import Engine, StopReason, Token
from picochat.inference.generation import Job
from picochat.inference.prompt import Request, answer
from picochat.inference.settings import SamplingSettings
from picochat.text.tokenizer import Tokenizer

ALTERNATIVES = 5
"""Other tokens that are kept for each token of an answer, to be looked at."""


@dataclass(frozen=True)
class Question:
    """What an answer answers.

    Attributes:
        text: the user's words.
        entry: its place in the conversation; `None` in single-prompt mode.
        replaced: the answer that the new one takes the place of, to be put back if nothing comes.
        opening: tokens that the answer begins with; it is continued after them.
    """

    text: str
    entry: Entry | None = None
    replaced: Entry | None = None
    opening: tuple[Token, ...] = ()


class Answered(NamedTuple):
    """An answer that may be given anew or gone on with: its question, its records as far as they are known, its text."""

    question: Question
    tokens: list[Token]
    text: str


class Reply:
    """An answer to be iterated for `Token` records; afterwards it tells how it went.

    Attributes:
        question: what it answers.
        engine: what computes it; `None` once it was let go of.
        info: facts of its model.
        settings: how it was drawn, the seed included.
        tokens: its records so far, those of the opening included.
        stop: why it ended; `None` while it hasn't.
    """

    def __init__(
        self,
        engine: Engine,
        question: Question,
        make_prompt: Callable[[], Prompt],
        settings: SamplingSettings,
        *,
        finished: Callable[[Reply], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self.question = question
        self.settings = settings
        self.tokens: list[Token] = list(question.opening)
        self.stop: StopReason | None = None
        self.first_token_seconds: float | None = None
        self.seconds = 0.0
        self.engine: Engine | None = engine
        self.info = engine.info
        self._end_of_turn = engine.end_of_turn
        self._make_prompt: Callable[[], Prompt] | None = make_prompt
        self._prompt: Prompt | None = None
        self._lock = threading.Lock()
        self._finished = finished
        self._cancelled = cancelled

    @property
    def prompt(self) -> Prompt:
        """What the model sees; made when it is first asked for, as a long text takes a while to encode."""
        with self._lock:
            if self._prompt is None:
                assert self._make_prompt is not None
                self._prompt = self._make_prompt()
                # it holds on to the model
                self._make_prompt = None
            return self._prompt

    def __iter__(self) -> Iterator[Token]:
        engine = self.engine
        assert engine is not None
        try:
            for token in engine.run(self.job):
                self.add(token)
                yield token
        finally:
            self._finished(self)

    @property
    def job(self) -> Job:
        """What the engine is asked for; who has it drawn elsewhere hands each record to `add`."""
        engine = self.engine
        assert engine is not None
        prompt = self.prompt
        if engine.info.chats:
            request = answer(engine, prompt.ids, opening=prompt.opening)
        else:
            request = Request(prompt.ids, frozenset({engine.tokenizer.end_of_text}))
        return request.job(self.settings, alternatives=ALTERNATIVES, cancelled=self._cancelled)

    def add(self, token: Token) -> None:
        """Take the next record."""
        self.tokens.append(token)
        self.stop = token.stop
        self.seconds = token.seconds
        if token.id is not None and self.first_token_seconds is None:
            self.first_token_seconds = token.seconds

    @property
    def text(self) -> str:
        """The whole answer so far."""
        return "".join(token.text for token in self.tokens)

    @property
    def ids(self) -> list[int]:
        """Its tokens, without the end of the turn."""
        end = self._end_of_turn
        return [token.id for token in self.tokens if token.id is not None and token.id not in end]

    def record(self, digest: str | None) -> StoredMessage:
        """The answer with its circumstances, for the history.

        Args:
            digest: hash of the model's file, where it is known.
        """
        return StoredMessage(
            "assistant",
            self.text,
            stop=self.stop or "cancelled",
            seed=self.seed,
            settings=self.settings.model_dump(mode="json", exclude={"seed"}),
            model=str(self.info.path),
            model_digest=digest,
            tokens=self.count,
            seconds=self.seconds,
            first_token_seconds=self.first_token_seconds,
        )

    def release(self) -> None:
        """Let go of the engine, after the end: a model that was asked once must not stay in memory."""
        self.engine = None

    @property
    def count(self) -> int:
        """Tokens generated, the end of the turn included."""
        return sum(token.id is not None for token in self.tokens[len(self.question.opening) :])

    @property
    def seed(self) -> int:
        """What it is drawn with."""
        return self.settings.seed or 0

    @property
    def tokens_per_second(self) -> float:
        """See `footnote.tokens_per_second`."""
        return tokens_per_second(self.count, self.seconds, self.first_token_seconds)

    @property
    def pace(self) -> str:
        """How fast it came, in words."""
        return pace_of(self.count, self.seconds, self.first_token_seconds)

    @property
    def footnote(self) -> str:
        """What to say below it once it has ended."""
        return footnote(self.count, self.pace, self.seed, self.stop or "cancelled")


def opening_ids(opening: Sequence[Token]) -> list[int]:
    """The ids of an answer's opening."""
    return [token.id for token in opening if token.id is not None]


def with_text(tokenizer: Tokenizer, tokens: Sequence[Token]) -> tuple[Token, ...]:
    """Records whose texts are those of just these tokens in a row, whatever they came from."""
    decoder = tokenizer.stream()
    return tuple(replace(token, text=decoder.feed(token.id)) for token in tokens if token.id is not None)


def prompt_for(engine: Engine, question: Question, limit: int | None, conversation: Conversation) -> Prompt:
    """What a model sees of a conversation that ends with the question, and of the answer's opening.

    Args:
        limit: tokens that the answer may have; room is left for them.
    """
    if not engine.info.chats:
        return Prompt([*engine.chat_format.document(question.text).ids, *opening_ids(question.opening)])
    # an answer as long as the window goes on from its end: half of the room stays for the question
    opening = opening_ids(question.opening)[-(engine.context // 2) :]
    reserve = min(engine.context - 1, engine.reserve(limit) + len(opening))
    prompt = conversation.prompt(engine.chat_format, engine.context, reserve)
    return replace(prompt, ids=[*prompt.ids, *opening], opening=tuple(opening))
