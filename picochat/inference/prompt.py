"""From a user's prompt to token ids, as the model learnt to read them."""

from __future__ import annotations

from dataclasses import dataclass

from picochat.inference.engine import Engine
from picochat.text.chat_format import Message


@dataclass(frozen=True)
class Request:
    """What to generate from.

    Attributes:
        ids: the prompt's tokens.
        end: tokens that end the answer.
    """

    ids: list[int]
    end: frozenset[int]


def completion(engine: Engine, text: str, *, raw: bool = False) -> Request:
    """A single prompt: a chat model answers it, another one goes on from it; `raw` goes on with either."""
    tokenizer = engine.tokenizer
    if text and engine.info.chats and not raw:
        return chat(engine, [Message("user", text)])
    ids = [tokenizer.end_of_text]
    if text:
        ids += tokenizer.encode(text)
    return Request(ids, frozenset({tokenizer.end_of_text}))


def chat(engine: Engine, messages: list[Message]) -> Request:
    """A conversation that the assistant is to answer."""
    return Request(engine.chat_format.prompt(messages), engine.end_of_turn)
