"""One question, answered several times beside each other."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from picochat.chat.conversation import Conversation, Entry
from picochat.chat.reply import Question, Reply
from picochat.chat.session import SEED_LIMIT, Cancelled, ChatSession, never
from picochat.chat.variants import MOST, Variant, parse_variants
from picochat.errors import DeviceError, PicochatError
from picochat.inference.engine import Engine, Token
from picochat.inference.lanes import LANES, Scheduler

State = Literal["waiting", "loading", "answering", "done", "stopped", "failed"]


@dataclass(eq=False)
class Column:
    """One answer of a comparison.

    Attributes:
        number: its place, from 1.
        label: what is special about it.
        variant: how it is drawn; `None` for the answer that was there before.
        state: "stopped" is stopped before its first token; an answer that was stopped later is done.
        text: the answer so far.
        figures: how it went, once it has ended: length and speed, seed, why it ended.
        problem: a sentence saying why it failed.
        reply: what it is drawn by.
    """

    number: int
    label: str
    variant: Variant | None = None
    state: State = "waiting"
    text: str = ""
    figures: tuple[str, ...] = ()
    problem: str = ""
    reply: Reply | None = None

    @property
    def model(self) -> Path | None:
        """The model file that answers, where it is not the one that is loaded."""
        return self.variant.model if self.variant is not None else None

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self.state in ("done", "stopped", "failed")

    @property
    def status(self) -> str:
        """How it stands, on one line."""
        if self.state == "done":
            return ", ".join(filter(None, self.figures))
        return {"loading": "loading the model", "stopped": "not answered"}.get(self.state, self.state)


class Comparison:
    """A question and its answers, none of which joins the conversation.

    Those of one model are drawn side by side, model after model. Each text is what it would be alone, up to the rounding of
    logits. Nothing of the session is read while they are drawn but the engine: it may be used meanwhile for all but an
    answer.

    Args:
        question: what is answered.
        variants: how.
        beside: whether the answer that is there is the first column, and one of the others may take its place.
        seed: drawn with, where a variant names none.

    Attributes:
        columns: the answers.
        keeps: whether a column can be kept.
    """

    def __init__(
        self, session: ChatSession, question: Question, variants: Sequence[Variant], *, beside: bool, seed: int | None
    ) -> None:
        self.question = question
        self.keeps = beside
        self.seed = _random_seed() if seed is None else seed
        self.columns = [_column_there(session, question)] if beside else []
        self.columns += [Column(number, v.label, v) for number, v in enumerate(variants, len(self.columns) + 1)]
        self._session = session
        self._engine = session.engine
        self._settings = session.settings
        self._mode = session.mode
        # another model may be taken meanwhile, and tokens are then counted anew
        entries = session.conversation.entries
        self._entries: list[Entry] | None = None
        if question.entry is not None:
            seen = entries[: entries.index(question.entry) + 1]
            self._entries = [Entry(entry.message, entry.ids) for entry in seen]
        self._dropped = session.conversation.dropped

    @property
    def drawn(self) -> list[Column]:
        """The columns that are drawn: all but the answer that was there."""
        return [column for column in self.columns if column.variant is not None]

    @property
    def busy(self) -> bool:
        """Whether the session's own engine is in use; then it can't answer.

        After `cancelled` has turned true no further column begins, so once this is false it stays so.
        """
        return any(column.model is None and column.state == "answering" for column in self.drawn)

    def column(self, number: str) -> Column:
        """The column of a number that was typed.

        Raises:
            PicochatError: there is none.
        """
        text = number.strip()
        if text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= len(self.columns):
            return self.columns[int(text[:4]) - 1]
        raise PicochatError(f"There is no answer '{text}'; choose a number from 1 to {len(self.columns)}.")

    def run(self, cancelled: Cancelled = never) -> Iterator[tuple[Column, Token | None]]:
        """Draw the columns, to be iterated; what goes wrong is told by a column, not raised.

        Args:
            cancelled: asked before each step; true ends all columns.

        Yields:
            A column and its next token, or `None` where only its state has changed.
        """
        groups: dict[Path | None, list[Column]] = {}
        for column in self.drawn:
            groups.setdefault(column.model, []).append(column)
        for columns in groups.values():
            yield from self._draw(columns, cancelled)

    def can_keep(self, column: Column) -> bool:
        """Whether `keep` would take it."""
        reply = column.reply
        return self.keeps and column.state == "done" and reply is not None and reply.count > (reply.stop == "end")

    def keep(self, column: Column) -> int | None:
        """Let a column's answer take the place of the last one, as if that had been regenerated.

        Returns:
            The number of the saved conversation that ends with the answer that was replaced; `None` when there is none.

        Raises:
            PicochatError: the column has no answer, or the conversation has gone on.
        """
        if column.variant is None and self.keeps:
            return None
        if column.reply is None or not self.can_keep(column):
            raise PicochatError(f"Column {column.number} has no answer to keep; choose another one.")
        return self._session.adopt(column.reply)

    # -- inside -----------------------------------------------------------------------------------------------------------

    def _draw(self, columns: Sequence[Column], cancelled: Cancelled) -> Iterator[tuple[Column, Token | None]]:
        """Draw the columns of one model."""
        problem = ""
        try:
            yield from self._stream(columns, cancelled)
        except PicochatError as error:
            problem = str(error)
        except Exception as error:  # one model that can't be used here must not take the others with it
            problem = f"The answer broke off ({type(error).__name__}: {error})."
        finally:
            left = [column for column in columns if not column.ended]
            for column in left:
                self._end(column, problem)
        yield from ((column, None) for column in left)

    def _stream(self, columns: Sequence[Column], cancelled: Cancelled) -> Iterator[tuple[Column, Token | None]]:
        if cancelled():
            return
        model = columns[0].model
        if model is not None:
            yield from _enter("loading", columns)
        engine = self._engine if model is None else self._session.open(model)
        if engine is None:
            raise PicochatError("No model is loaded yet; wait a moment, or name one with /load.")
        scheduler = _lanes(engine, len(columns))
        for batch in [columns] if scheduler is not None else [[column] for column in columns]:
            yield from _enter("answering", batch)
            # only now: whoever sees after a stop that the engine is not in use may use it
            if cancelled():
                return
            for index, token in _records(engine, scheduler, [self._reply(column, engine, cancelled) for column in batch]):
                column = batch[index]
                column.text += token.text
                yield column, token
                if token.stop:
                    self._end(column)
                    yield column, None

    def _reply(self, column: Column, engine: Engine, cancelled: Cancelled) -> Reply:
        assert column.variant is not None
        changes = {"seed": self.seed, **column.variant.changes}
        seed = _random_seed() if changes["seed"] is None else changes["seed"]
        mode = self._mode if engine.info.chats else "single"
        settings = self._settings.changed(**changes).sampling(seed, mode)
        column.reply = self._session.draft(engine, self.question, settings, self._conversation(engine), cancelled)
        return column.reply

    def _conversation(self, engine: Engine) -> Conversation | None:
        """What was said up to the question, in a copy: fitting it to a window changes it."""
        if self._entries is None:
            return None
        own = engine is self._engine
        entries = [Entry(entry.message, entry.ids if own else None) for entry in self._entries]
        return Conversation(entries, self._settings.system, self._dropped if own else 0)

    def _end(self, column: Column, problem: str = "") -> None:
        reply = column.reply
        if reply is not None:
            if column.model is not None:
                reply.release()
            column.figures = (reply.footnote,)
            if column.text and self.keeps and column.text == self.columns[0].text:
                column.figures += ("the same text as 1",)
        column.problem = problem
        if problem:
            column.state = "failed"
        else:
            column.state = "stopped" if reply is None or not reply.count else "done"


def _enter(state: State, columns: Sequence[Column]) -> Iterator[tuple[Column, None]]:
    for column in columns:
        column.state = state
    yield from ((column, None) for column in columns)


def _lanes(engine: Engine, count: int) -> Scheduler | None:
    """Room for answers side by side; `None` where they are drawn one after the other.

    One alone finds what was said before in the engine's cache. With a draft a seed gives another text, which must not
    depend on how many are drawn. And for so many caches there may be no memory.
    """
    if count == 1 or engine.draft is not None:
        return None
    with contextlib.suppress(DeviceError):
        return Scheduler(engine.backend, engine.tokenizer, max(count, LANES))
    return None


def _records(engine: Engine, scheduler: Scheduler | None, replies: Sequence[Reply]) -> Iterator[tuple[int, Token]]:
    """Draw answers side by side, or just one; yields their places and records, as they come."""
    if scheduler is None:
        (reply,) = replies
        yield from ((0, token) for token in reply)
        return
    for reply in replies:
        scheduler.add(reply.job)
    while scheduler.busy:
        for index, token in scheduler.step():  # handles count as the replies do
            replies[index].add(token)
            yield index, token


def compare(session: ChatSession, text: str = "") -> Comparison:
    """The last answer beside others to the same question, drawn with the same seed where `text` names no other.

    Args:
        text: the variants, as `parse_variants` reads them.

    Raises:
        PicochatError: nothing was answered yet, no model is loaded, or the text can't be read.
    """
    session.require_engine()
    variants = parse_variants(text)
    question = session.last_question()
    if question.replaced is not None:
        seed = question.replaced.seed
    else:
        seed = session.last.seed if session.last is not None else None
    return Comparison(session, question, variants, beside=True, seed=seed)


def timeline(session: ChatSession, models: Sequence[tuple[str, Path]], text: str = "") -> Comparison:
    """One question answered by several models, such as the checkpoints of a run, all with the same seed.

    Args:
        models: labels and model files in order; of more than `MOST` some are left out, evenly.
        text: asked alone; without it, the last question is asked again with all that was said before.

    Raises:
        PicochatError: there are no models, or neither a text nor a last question.
    """
    if not models:
        raise PicochatError("There are no checkpoints to ask; name a run folder that has some.")
    chosen = models if len(models) <= MOST else [models[i * (len(models) - 1) // (MOST - 1)] for i in range(MOST)]
    variants = [Variant(label, model=path) for label, path in chosen]
    question = Question(text) if text else session.last_question()
    return Comparison(session, question, variants, beside=False, seed=session.settings.seed)


def tell(
    comparison: Comparison, say: Callable[[str], None], write: Callable[[str], None], cancelled: Cancelled = never
) -> None:
    """Draw all columns, and tell them in turn as plain lines.

    Args:
        say: takes a note.
        write: takes a piece of an answer; a line's end is written after each.
        cancelled: asked before each token; the answers that are left out then are told as such.
    """
    records = comparison.run(cancelled)
    for column in comparison.columns:
        place = "" if comparison.keeps else f" ({column.model})"
        say(f"[{column.number}] {column.label}{place}")
        # what came of it while others had their turn
        write(column.text)
        while not column.ended:
            other, token = next(records)
            if other is column and token is not None:
                write(token.text)
        if column.text:
            write("\n")
        say(column.problem or f"({column.status})")
    if not comparison.keeps:
        say("/load FILE takes one of these models.")
    elif kept := [str(column.number) for column in comparison.columns if comparison.can_keep(column)]:
        say(f"/keep {' or /keep '.join(kept)} lets that answer take the place of 1.")


def _column_there(session: ChatSession, question: Question) -> Column:
    """The answer that is there."""
    if (entry := question.replaced) is not None:
        return Column(1, "kept", state="done", text=entry.message.content, figures=(entry.footnote,))
    reply = session.last
    assert reply is not None  # a question without a place in the conversation is the last reply's
    return Column(1, "kept", state="done", text=reply.text, figures=(reply.footnote,))


def _random_seed() -> int:
    return secrets.randbelow(SEED_LIMIT)
