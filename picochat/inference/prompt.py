"""From a user's prompt to token ids, as the model learnt to read them."""

from __future__ import annotations

from dataclasses import dataclass

from picochat.inference.engine import Engine


@dataclass(frozen=True)
class Request:
    """What to generate from.

    Attributes:
        ids: the prompt's tokens.
        end: tokens that end the answer.
        slide: whether the text may go on when the window is full; an answer may not, as it would lose its question.
        cut: the prompt was too long for the window, and lost its beginning.
    """

    ids: list[int]
    end: frozenset[int]
    slide: bool = True
    cut: bool = False


def completion(engine: Engine, text: str, *, raw: bool = False) -> Request:
    """A single prompt: a chat model answers it, another one goes on from it; `raw` goes on with either."""
    tokenizer = engine.tokenizer
    if text and engine.info.chats and not raw:
        chat = engine.chat_format
        content, opening = tokenizer.encode(text), chat.render([]).ids
        frame = len(opening) + len(chat.wrap("user", [])) + len(chat.reply_header)
        room = max(1, engine.context - engine.context // 4 - frame)
        ids = [*opening, *chat.wrap("user", content[-room:]), *chat.reply_header]
        return Request(ids, engine.end_of_turn, slide=False, cut=len(content) > room)
    ids = engine.chat_format.document(text).ids
    return Request(ids, frozenset({tokenizer.end_of_text}), cut=len(ids) >= engine.context)
