"""The Python interface: load a model and let it write, or train one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picochat.errors import ConfigError
from picochat.inference.engine import Engine, Token, load_engine
from picochat.inference.prompt import completion
from picochat.inference.settings import SamplingSettings
from picochat.locations import default_model
from picochat.text.chat_format import Message

if TYPE_CHECKING:
    from picochat.training.trainer import Result

MessageLike = Message | Mapping[str, str]


class Model:
    """A loaded model.

    Args:
        engine: what generates; `picochat.load` makes one.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def generate(self, prompt: str = "", **settings: Any) -> str:
        """Return the text that follows `prompt`: an answer from a model made for chat, a continuation from others.

        Args:
            prompt: the text; empty begins from nothing.
            **settings: fields of `SamplingSettings`, such as `temperature`, `max_tokens` (default 100), `seed`.

        Raises:
            ConfigError: a setting that does not exist or is out of bounds.
        """
        return "".join(token.text for token in self.stream(prompt, **settings))

    def stream(self, prompt: str = "", **settings: Any) -> Iterator[Token]:
        """Like `generate`, but yields each `Token` as it comes."""
        request = completion(self.engine, prompt)
        wishes = SamplingSettings.parse({"max_tokens": 100, **settings})
        return self.engine.stream(request.ids, wishes, end=request.end, slide=request.slide)

    def chat(self, messages: Iterable[MessageLike], **settings: Any) -> str:
        """Return the assistant's next message of a conversation.

        Args:
            messages: `{"role": "user" | "assistant" | "system", "content": ...}`, oldest first. A conversation that begins
                with one that was answered before is read from where it goes on.
            **settings: as in `generate`; without `max_tokens` the answer goes on until its turn ends.

        Raises:
            ConfigError: a setting or message that can't be used.
            DataError: a role that does not exist.
        """
        return "".join(token.text for token in self.stream_chat(messages, **settings))

    def stream_chat(self, messages: Iterable[MessageLike], **settings: Any) -> Iterator[Token]:
        """Like `chat`, but yields each `Token` as it comes."""
        from picochat.chat.conversation import Conversation

        wishes = SamplingSettings.parse(settings)
        conversation = Conversation()
        for message in map(_message, messages):
            if message.role == "system":
                conversation.system = message.content
            else:
                conversation.add(message.role, message.content)
        if all(entry.message.role != "user" for entry in conversation.entries):
            raise ConfigError("chat needs at least one message of the user.")
        engine = self.engine
        prompt = conversation.prompt(engine.chat_format, engine.context, engine.reserve(wishes.max_tokens))
        return self.engine.stream(prompt.ids, wishes, end=engine.end_of_turn, slide=False)


def load(
    path: str | Path | None = None, *, device: str = "auto", threads: int | None = None, precision: str = "auto"
) -> Model:
    """Load a model.

    Args:
        path: a model file or run folder; `None` is the shipped model.
        device: "auto", "cpu", "cuda" or "mps".
        threads: CPU threads; `None` finds out.
        precision: "auto" is the quickest that answers as fp32 does; or "fp32", "bf16", "fp16", "int8", "int4".

    Raises:
        CheckpointError: missing, damaged or foreign.
        ConfigError: a precision that can't be had for this model or machine.
        DeviceError: a device that is not here.
    """
    return Model(load_engine(path or default_model(), device=device, threads=threads, precision=precision))


def train(data: str | Path, **settings: Any) -> Result:
    """Train on a file or folder and return how it went; `settings` are fields of `TrainConfig`.

    Raises:
        PicochatError: data or settings that can't be used.
    """
    from picochat.inference.samples import write_sample
    from picochat.training.config import TrainConfig
    from picochat.training.setup import train as run

    return run(TrainConfig.parse({"data": Path(data), **settings}), sample=write_sample)


def _message(message: MessageLike) -> Message:
    if isinstance(message, Message):
        return message
    role, content = (message.get(name) if isinstance(message, Mapping) else None for name in ("role", "content"))
    if not isinstance(role, str) or not isinstance(content, str):
        raise ConfigError('A message is {"role": ..., "content": ...}, both of them texts.')
    return Message(role, content)  # type: ignore[arg-type]
