"""The Python interface: load a model and let it write, or train one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picochat.inference.engine import Engine, Token, load_engine
from picochat.inference.prompt import completion
from picochat.inference.settings import SamplingSettings
from picochat.locations import default_model

if TYPE_CHECKING:
    from picochat.chat.request import MessageLike
    from picochat.training.trainer import Result


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
        from picochat.chat.request import answer_request

        wishes = SamplingSettings.parse(settings)
        request = answer_request(self.engine, messages, wishes.max_tokens)
        return self.engine.stream(request.ids, wishes, end=request.end, slide=request.slide)


def load(
    path: str | Path | None = None, *, device: str = "auto", threads: int | None = None, precision: str = "auto"
) -> Model:
    """Load a model.

    Args:
        path: what `-m` takes: a model file or run folder, a GGUF file, a Hugging Face folder, or ORG/NAME on its hub;
            `None` is the shipped model.
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
