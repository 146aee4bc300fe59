"""The slow things, on threads of their own: loading a model, and answering.

They report by messages, which may be posted from any thread, and never touch a widget.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from textual.message import Message

from picochat.chat.comparison import Column, Comparison
from picochat.chat.reply import Reply
from picochat.chat.session import ChatSession
from picochat.errors import PicochatError
from picochat.inference.engine import Engine, Token
from picochat.ui.draw_rate import DrawRate

_runs = itertools.count(1)


class ModelLoaded(Message):
    """A model is ready to be used."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine


class ModelFailed(Message):
    """A model could not be loaded."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


class AnswerText(Message):
    """More tokens of run `run`."""

    def __init__(self, run: int, tokens: list[Token]) -> None:
        super().__init__()
        self.run = run
        self.tokens = tokens


class AnswerEnded(Message):
    """Run `run` is over; `error` says what went wrong, if anything did."""

    def __init__(self, run: int, error: str | None = None) -> None:
        super().__init__()
        self.run = run
        self.error = error


class ColumnText(Message):
    """More tokens of columns of run `run`, or none: then the state of such a column may have changed."""

    def __init__(self, run: int, tokens: Mapping[Column, list[Token]]) -> None:
        super().__init__()
        self.run = run
        self.tokens = tokens


class Trouble(Message):
    """Something went wrong that doesn't end the answer."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Target(Protocol):
    """What messages go to; a widget, screen or app."""

    def post_message(self, message: Message) -> bool:
        """Put a message into its queue; from any thread."""


_running: set[Job] = set()


class Job:
    """Work on a thread that can be asked to stop and that never keeps the program alive.

    Attributes:
        run: its number.
        draw_rate: how often what it makes is drawn; who draws measures it.
    """

    def __init__(self, work: Callable[[Job], None]) -> None:
        self.run = next(_runs)
        self.draw_rate = DrawRate()
        self._stop = threading.Event()
        self._work = work
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"picochat-job-{self.run}")
        _running.add(self)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work(self)
        finally:
            _running.discard(self)

    def stop(self) -> None:
        """Ask the work to end; it looks once per token."""
        self._stop.set()

    def stopped(self) -> bool:
        """Whether it was asked to."""
        return self._stop.is_set()

    def join(self, seconds: float) -> bool:
        """Wait for the end, but no longer than that; returns whether it came."""
        self._thread.join(seconds)
        return not self._thread.is_alive()


def running_jobs() -> list[Job]:
    """All work that has not ended."""
    return list(_running)


def deliver(tokens: Iterable[Token], post: Callable[[list[Token]], object], rate: DrawRate) -> None:
    """Hand tokens on, some at a time; what was held back is never lost, however they end."""
    held, flushed = list[Token](), time.monotonic()
    try:
        for token in tokens:
            held.append(token)
            now = time.monotonic()
            if now - flushed >= rate.wait:
                post(held)
                held, flushed = [], now
    finally:
        if held:
            post(held)


def load_model(session: ChatSession, path: str | Path, target: Target) -> Job:
    """Load a model for `session` without giving it to it: the receiver of `ModelLoaded` does."""

    def work(job: Job) -> None:
        try:
            engine = session.open(path)
        except PicochatError as error:
            target.post_message(ModelFailed(str(error)))
        except Exception as error:  # a bug or an exhausted machine must not end the chat
            target.post_message(ModelFailed(f"{path} can't be loaded ({type(error).__name__}: {error})."))
        else:
            target.post_message(ModelLoaded(engine))

    return Job(work)


def stream_answer(make_reply: Callable[[Callable[[], bool]], Reply], target: Target) -> tuple[Job, Reply]:
    """Start an answer; its text arrives as `AnswerText`, and `AnswerEnded` comes last."""
    ready = threading.Event()
    replies: list[Reply] = []

    def work(job: Job) -> None:
        ready.wait()
        error = None
        try:
            deliver(replies[0], lambda tokens: target.post_message(AnswerText(job.run, tokens)), job.draw_rate)
        except PicochatError as problem:
            error = str(problem)
        except Exception as problem:
            error = f"The answer broke off ({type(problem).__name__}: {problem})."
        target.post_message(AnswerEnded(job.run, error))

    job = Job(work)
    try:
        replies.append(make_reply(job.stopped))
    except BaseException:
        replies.append(())  # type: ignore[arg-type]
        raise
    finally:
        ready.set()
    return job, replies[0]


def draw_columns(comparison: Comparison, target: Target) -> Job:
    """Draw the columns of a comparison; they arrive as `ColumnText`, and `AnswerEnded` comes last."""

    def work(job: Job) -> None:
        held, flushed = defaultdict[Column, list[Token]](list), time.monotonic()
        for column, token in comparison.run(job.stopped):
            held[column] += [token] if token is not None else []
            now = time.monotonic()
            # a change of state, such as the last record of each column, is told at once
            if token is None or now - flushed >= job.draw_rate.wait:
                target.post_message(ColumnText(job.run, held))
                held, flushed = defaultdict(list), now
        target.post_message(AnswerEnded(job.run))

    return Job(work)
