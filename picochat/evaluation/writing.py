"""What a model writes on held-out documents: answers to their questions, or continuations of their text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from picochat.chat.conversation import Conversation
from picochat.chat.reply import Question
from picochat.chat.session import ChatSession
from picochat.errors import DataError
from picochat.evaluation.bits import Progress, unwatched
from picochat.evaluation.rows import plain_text
from picochat.inference.engine import Engine
from picochat.inference.prompt import completion
from picochat.inference.settings import SamplingSettings
from picochat.text import corpus
from picochat.text.chat_format import Message
from picochat.text.corpus import Document

LONGEST = 200
"""Tokens at which an answer or a continuation is stopped."""

PROMPT_CHARACTERS = 200
"""Length of the piece of plain text to go on from."""


def write_texts(
    engine: Engine,
    documents: Sequence[Document],
    settings: SamplingSettings,
    *,
    count: int,
    progress: Progress = unwatched,
) -> list[str]:
    """At most `count` texts by the model, at places spread over all documents.

    A chat model answers the users of conversations, with what was said before; plain text, and conversations where the model
    has learnt no turns, are gone on from.

    Args:
        engine: the model.
        documents: what it has not seen.
        settings: how to draw; the seeds are 0, 1, 2 and so on.
        count: the most texts.
        progress: told how many are written.

    Raises:
        DataError: nobody asks anything in these documents.
    """
    prompts: list[Conversation | str] = []
    if engine.info.chats:
        prompts += _spread([turn for document in documents for turn in _turns(document)], count)
    if not prompts:
        prompts += _pieces([_as_text(document) for document in documents], count)
    if not prompts:
        raise DataError("There is nothing to answer or to go on from in this data.")
    texts = []
    for seed, prompt in enumerate(prompts):
        progress(seed, len(prompts))
        texts.append(_write(engine, prompt, settings.changed(seed=seed)))
    progress(len(prompts), len(prompts))
    return texts


def _write(engine: Engine, prompt: Conversation | str, settings: SamplingSettings) -> str:
    count = 0

    def enough() -> bool:
        return count >= LONGEST

    if isinstance(prompt, str):
        tokens = engine.run(completion(engine, prompt, raw=True).job(settings, cancelled=enough))
    else:
        question = Question(prompt.entries[-1].message.content)
        tokens = iter(ChatSession().draft(engine, question, settings, prompt, cancelled=enough))
    text = ""
    for token in tokens:
        text += token.text
        count += 1
    return text


def _turns(document: Document) -> Iterator[Conversation]:
    """The document up to each of its questions that has an answer."""
    messages = document.messages if isinstance(document, corpus.Conversation) else ()
    for index in range(1, len(messages)):
        if (messages[index - 1].role, messages[index].role) == ("user", "assistant"):
            yield _up_to(messages[:index])


def _up_to(messages: Sequence[Message]) -> Conversation:
    conversation = Conversation()
    if messages[0].role == "system":
        conversation.system, messages = messages[0].content, messages[1:]
    for message in messages:
        conversation.add(message.role, message.content)
    return conversation


def _pieces(texts: Sequence[str], count: int) -> list[str]:
    """Pieces of text that end before a word, at places spread over all texts."""
    ends = list(accumulate(map(len, texts)))
    pieces = []
    for index in range(count if ends and ends[-1] else 0):
        place = (2 * index + 1) * ends[-1] // (2 * count)
        number = next(number for number, end in enumerate(ends) if place < end)
        text = texts[number]
        border = text.rfind(" ", 0, place - ends[number] + len(text))
        if border > 0:
            pieces.append(text[max(0, border - PROMPT_CHARACTERS) : border])
    return pieces


def _spread(turns: list[Conversation], count: int) -> list[Conversation]:
    """At most `count` of them, evenly."""
    return [turns[index * len(turns) // count] for index in range(count)] if len(turns) > count else turns


def _as_text(document: Document) -> str:
    return document.content if isinstance(document, corpus.Text) else plain_text(document.messages)
