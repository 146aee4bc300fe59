"""From messages to what the engine should generate: one way for every caller that has a whole conversation at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from picochat.chat.conversation import Conversation
from picochat.errors import ConfigError
from picochat.inference.engine import Engine
from picochat.inference.prompt import Request, answer
from picochat.text.chat_format import Message

MessageLike = Message | Mapping[str, str]


def read_message(message: MessageLike) -> Message:
    """A message from `{"role": ..., "content": ...}`; raises `ConfigError` or, for a role that there is not, `DataError`."""
    if isinstance(message, Message):
        return message
    role, content = (message.get(name) if isinstance(message, Mapping) else None for name in ("role", "content"))
    if not isinstance(role, str) or not isinstance(content, str):
        raise ConfigError('A message is {"role": ..., "content": ...}, both of them texts.')
    return Message(role, content)  # type: ignore[arg-type]


def read_conversation(messages: Iterable[MessageLike]) -> Conversation:
    """A conversation of messages, oldest first; the last of the system's counts. Errors are those of `read_message`."""
    conversation = Conversation()
    for message in map(read_message, messages):
        if message.role == "system":
            conversation.system = message.content
        else:
            conversation.add(message.role, message.content)
    return conversation


def answer_request(engine: Engine, messages: Iterable[MessageLike], limit: int | None) -> Request:
    """The request for the assistant's next message; of a conversation too long for the window, the newest turns.

    Args:
        messages: as `read_conversation` takes them.
        limit: the most tokens that the answer may have; `None` is until its turn ends.

    Raises:
        ConfigError: a message that can't be used, or none of the user.
        DataError: a role that does not exist.
    """
    conversation = read_conversation(messages)
    if all(entry.message.role != "user" for entry in conversation.entries):
        raise ConfigError("chat needs at least one message of the user.")
    prompt = conversation.prompt(engine.chat_format, engine.context, engine.reserve(limit))
    return answer(engine, prompt.ids, cut=prompt.cut)
