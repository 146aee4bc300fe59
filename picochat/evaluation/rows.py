"""Documents cut into rows for the model: every token of content is predicted once, with what a chat would have before it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from picochat.chat.conversation import Conversation
from picochat.inference.engine import Engine
from picochat.text import corpus
from picochat.text.chat_format import Message, Part
from picochat.text.corpus import Document


@dataclass(frozen=True)
class Row:
    """Tokens that the model reads at once.

    Attributes:
        ids: at most one more than the window: the last is only predicted.
        parts: the `Part` of each; `STRUCTURE` is read and not counted: marks, role headers, ends of turns, system prompts,
            and content that an earlier row has counted.
    """

    ids: list[int]
    parts: list[Part]


def document_rows(engine: Engine, document: Document) -> Iterator[Row]:
    """The rows of a document, as the model learnt to read it.

    A conversation is one row where it fits the window; of a longer one, whole turns go as they go in a chat. A model that
    never learnt turns reads a conversation as plain text, "User: ..." a line.
    """
    if isinstance(document, corpus.Text):
        return _text_rows(engine, document.content)
    if engine.info.chats:
        return _chat_rows(engine, document.messages)
    return _plain_rows(engine, document.messages)


def plain_text(messages: Sequence[Message]) -> str:
    """A conversation as a model of plain text reads it."""
    return "".join(f"{_plain_header(message)}{message.content}\n" for message in messages)


def counted_part(message: Message) -> Part:
    """What a message's words count as: a system prompt is given to a model, which never has to write one."""
    return Part.STRUCTURE if message.role == "system" else message.part


class _Window:
    """What the model has before it. When it is full the older half goes, and what it held comes out as a row."""

    def __init__(self, context: int, opening: Sequence[int]) -> None:
        self.ids = list(opening)
        self._parts = [Part.STRUCTURE] * len(opening)
        self._limit = context + 1
        self._kept = (context + 1) // 2

    def add(self, ids: Sequence[int], part: Part) -> Iterator[Row]:
        """Put tokens at the end."""
        done = 0
        while done < len(ids):
            if len(self.ids) >= self._limit:
                yield from self.restart(self.ids[-self._kept :])
            piece = ids[done : done + self._limit - len(self.ids)]
            self.ids += piece
            self._parts += [part] * len(piece)
            done += len(piece)

    def restart(self, ids: Sequence[int] = ()) -> Iterator[Row]:
        """Go on after `ids`, which are not counted (again)."""
        if any(part != Part.STRUCTURE for part in self._parts):
            yield Row(self.ids, self._parts)
        self.ids, self._parts = list(ids), [Part.STRUCTURE] * len(ids)


def _text_rows(engine: Engine, text: str) -> Iterator[Row]:
    window = _Window(engine.context, [engine.tokenizer.start_of_text])
    yield from window.add(engine.tokenizer.encode_document(text), Part.TEXT)
    yield from window.restart()


def _plain_rows(engine: Engine, messages: Sequence[Message]) -> Iterator[Row]:
    window, encode = _Window(engine.context, [engine.tokenizer.start_of_text]), engine.tokenizer.encode
    for message in messages:
        yield from window.add(encode(_plain_header(message)), Part.STRUCTURE)
        yield from window.add(encode(message.content), counted_part(message))
        yield from window.add(encode("\n"), Part.STRUCTURE)
    yield from window.restart()


def _chat_rows(engine: Engine, messages: Sequence[Message]) -> Iterator[Row]:
    chat = engine.chat_format
    window = _Window(engine.context, chat.begin)
    conversation = Conversation()
    messages = chat.complete(messages)
    if messages and messages[0].role == "system":
        conversation.system = messages[0].content
        yield from window.add(chat.wrap("system", engine.tokenizer.encode(conversation.system)), Part.STRUCTURE)
        messages = messages[1:]
    for message in messages:
        content = engine.tokenizer.encode(message.content)
        conversation.add(message.role, message.content, ids=content)
        header, after = chat.frame(message.role)
        cut = None
        if message.role == "user":
            prompt = conversation.prompt(chat, engine.context, engine.reserve(None))
            seen = prompt.ids[: len(prompt.ids) - len(chat.reply_header)]
            # all of a message counts, also of one that is too long for a chat: that one stands alone
            turn = len(header) + len(content) + len(after)
            before = chat.begin if prompt.cut else seen[: len(seen) - turn]
            if before != window.ids:
                yield from window.restart(before)
            cut = seen if prompt.cut else None
            del conversation.entries[: conversation.dropped]
            conversation.dropped = 0
        yield from window.add(header.ids, Part.STRUCTURE)
        yield from window.add(content, counted_part(message))
        yield from window.add(after.ids, Part.STRUCTURE)
        if cut is not None:
            yield from window.restart(cut)
    yield from window.restart()


def _plain_header(message: Message) -> str:
    return f"{message.role.capitalize()}: "
