"""From a user's prompt to token ids, as the model learnt to read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from picochat.inference.engine import Engine
from picochat.inference.generation import Job, never
from picochat.inference.settings import SamplingSettings
from picochat.text.chat_format import Message

SILENCE = "..."
"""A message that says nothing, which guidance holds answers away from. After it the shipped model does better on its sheets
than after an empty message, or none."""


@dataclass(frozen=True)
class Request:
    """What to generate from.

    Attributes:
        ids: the prompt's tokens.
        end: tokens that end the answer.
        slide: whether the text may go on when the window is full; an answer may not, as it would lose its question.
        cut: the prompt was too long for the window, and lost its beginning.
        unguided: see `Job`; answers have it.
    """

    ids: list[int]
    end: frozenset[int]
    slide: bool = True
    cut: bool = False
    unguided: tuple[int, ...] = ()

    def job(self, settings: SamplingSettings, *, alternatives: int = 0, cancelled: Callable[[], bool] = never) -> Job:
        """What the engine is asked for; the arguments are those of `Job`."""
        return Job(self.ids, settings, self.end, self.slide, alternatives, cancelled, self.unguided)


def answer(engine: Engine, ids: Sequence[int], *, opening: Sequence[int] = (), cut: bool = False) -> Request:
    """The request for what the assistant says after `ids`, the last of which are those of `opening`, words of its own."""
    unguided = (*engine.chat_format.prompt([Message("user", SILENCE)]), *opening)
    return Request(list(ids), engine.end_of_turn, slide=False, cut=cut, unguided=unguided)


def completion(engine: Engine, text: str, *, raw: bool = False) -> Request:
    """A single prompt: a chat model answers it, another one goes on from it; `raw` goes on with either."""
    tokenizer = engine.tokenizer
    if text and engine.info.chats and not raw:
        chat = engine.chat_format
        content, opening = tokenizer.encode(text), chat.render([]).ids
        frame = len(opening) + len(chat.wrap("user", [])) + len(chat.reply_header)
        room = max(1, engine.context - engine.context // 4 - frame)
        ids = [*opening, *chat.wrap("user", content[-room:]), *chat.reply_header]
        return answer(engine, ids, cut=len(content) > room)
    ids = engine.chat_format.document(text).ids
    return Request(ids, frozenset({tokenizer.end_of_text}), cut=len(ids) >= engine.context)
