"""A model's answers to a sheet, each checked: the same session and the same prompts as in a chat."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from picochat.chat.reply import Reply
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.errors import PicochatError
from picochat.evaluation.bits import Progress, unwatched
from picochat.evaluation.checks import ENDS, Checks, Given, failed_checks
from picochat.evaluation.sheet import Entry, Sheet, Turn
from picochat.inference.engine import Engine
from picochat.inference.settings import SamplingSettings


@dataclass(frozen=True)
class Answer:
    """One answer: what it answers, what it was drawn with, and the names of its checks."""

    prompt: str
    text: str
    seed: int
    checks: tuple[str, ...]
    failed: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """One entry, gone through with one seed."""

    entry: Entry
    seed: int
    answers: tuple[Answer, ...]

    @property
    def passed(self) -> bool:
        """Whether no answer fails a check."""
        return not any(answer.failed for answer in self.answers)

    def to_dict(self) -> dict[str, Any]:
        """The run, as JSON takes it."""
        turns = [
            {"prompt": answer.prompt, "answer": answer.text, "seed": answer.seed, "failed": list(answer.failed)}
            for answer in self.answers
        ]
        return {"entry": self.entry.title, "tags": list(self.entry.tags), "seed": self.seed, "turns": turns}


@dataclass
class Rate:
    """How many of how many."""

    passed: int = 0
    of: int = 0

    def add(self, passed: bool) -> None:
        """One more."""
        self.passed += passed
        self.of += 1

    @property
    def share(self) -> float:
        """Passed, as a share."""
        return self.passed / self.of if self.of else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The figures, as JSON takes them."""
        return {"pass_rate": self.share, "passed": self.passed, "of": self.of}


@dataclass
class SheetResult:
    """All runs. A run passes when each of its answers passes all its checks."""

    runs: list[Run] = field(default_factory=list)

    @property
    def overall(self) -> Rate:
        """Runs that pass."""
        return _rate(run.passed for run in self.runs)

    def by_tag(self) -> dict[str, Rate]:
        """Runs that pass, of those with a tag."""
        tags = sorted({tag for run in self.runs for tag in run.entry.tags})
        return {tag: _rate(run.passed for run in self.runs if tag in run.entry.tags) for tag in tags}

    def by_check(self) -> dict[str, Rate]:
        """Answers that pass a check, of those that it was made of."""
        answers = [answer for run in self.runs for answer in run.answers]
        made = [name for name in Checks.model_fields if any(name in answer.checks for answer in answers)]
        return {name: _rate(name not in answer.failed for answer in answers if name in answer.checks) for name in made}

    @property
    def failures(self) -> list[Run]:
        """Runs that fail."""
        return [run for run in self.runs if not run.passed]

    @property
    def texts(self) -> list[str]:
        """All answers."""
        return [answer.text for run in self.runs for answer in run.answers]

    def to_dict(self) -> dict[str, Any]:
        """The figures, as JSON takes them."""
        return {
            **self.overall.to_dict(),
            "by_tag": {name: rate.to_dict() for name, rate in self.by_tag().items()},
            "by_check": {name: rate.to_dict() for name, rate in self.by_check().items()},
        }


def run_sheet(
    engine: Engine, sheet: Sheet, settings: SamplingSettings, *, seeds: int = 5, progress: Progress = unwatched
) -> SheetResult:
    """Go through all entries, `seeds` times; greedy answers are always the same, and once is enough.

    Args:
        engine: the model.
        sheet: what to ask.
        settings: how to draw; their seed is not used: each answer has one of its own, the same in every run of this sheet.
        seeds: how many times.
        progress: told how many runs are done.

    Raises:
        PicochatError: the model holds no conversation.
    """
    if not engine.info.chats:
        raise PicochatError(f"{engine.info.path} learnt from plain text and can't hold a conversation; a sheet needs one.")
    rounds = seeds if settings.temperature > 0 else 1
    total = rounds * len(sheet.entries)
    result = SheetResult()
    for seed in range(rounds):
        for entry in sheet.entries:
            progress(len(result.runs), total)
            result.runs.append(_run(engine, entry, sheet.checks, settings, seed))
    progress(total, total)
    return result


def _run(engine: Engine, entry: Entry, checks: Checks, settings: SamplingSettings, seed: int) -> Run:
    session = ChatSession(ChatSettings.parse({**settings.model_dump(), "system": entry.system}))
    session.use(engine)
    answers: list[Answer] = []
    for turn in entry.script(checks):
        earlier = tuple(answer.text for answer in answers)
        answers.append(_answer(session, turn, f"{entry.title}/{seed}/{len(answers)}", earlier))
    return Run(entry, seed, tuple(answers))


def _answer(session: ChatSession, turn: Turn, key: str, earlier: tuple[str, ...]) -> Answer:
    # a seed of its own for each answer: with one for all, the first words of all answers would share their luck
    seed = zlib.crc32(key.encode("utf-8", errors="replace")) >> 1
    session.settings = session.settings.changed(seed=seed)
    reply = _read(session, turn.prompt, turn.checks.ends or ENDS)
    given = Given(turn.prompt, reply.text, reply.stop in ("end", "stop"), reply.count, earlier)
    return Answer(turn.prompt, reply.text, seed, tuple(turn.checks.active), tuple(failed_checks(turn.checks, given)))


def _read(session: ChatSession, prompt: str, most: int) -> Reply:
    """Let the session answer. It is stopped, not given a limit: a limit would change how much it sees."""
    count = 0
    reply = session.reply(prompt, cancelled=lambda: count >= most)
    for _ in reply:
        count += 1
    return reply


def _rate(passes: Iterable[bool]) -> Rate:
    rate = Rate()
    for passed in passes:
        rate.add(passed)
    return rate
