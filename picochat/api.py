"""The Python interface: load a model and let it write, talk to it, or train one."""

from __future__ import annotations

import weakref
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from picochat.errors import CheckpointError, ConfigError
from picochat.inference.engine import Engine, Token, load_engine
from picochat.inference.prompt import completion
from picochat.inference.settings import SamplingSettings
from picochat.locations import default_model

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from picochat.chat.reply import Reply
    from picochat.chat.request import MessageLike
    from picochat.training.reporting import Reporter
    from picochat.training.trainer import Result


class Sampling(TypedDict, total=False):
    """The fields of `SamplingSettings` as keywords, so that editors and type checkers know them."""

    temperature: float
    top_k: int
    top_p: float
    min_p: float
    guidance_scale: float
    best_of: int | None
    repetition_penalty: float
    max_tokens: int | None
    seed: int | None
    stop: Sequence[str]


class Model:
    """A loaded model. It writes one text at a time: to begin another ends one that is still open.

    Everywhere `settings` are `temperature`, `top_k`, `top_p`, `min_p`, `guidance_scale`, `best_of`,
    `repetition_penalty`, `max_tokens`, `seed` and `stop` (texts to end before).

    Args:
        engine: what generates; `picochat.load` makes one.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def __repr__(self) -> str:
        info = self.engine.info
        size = f"{info.parameters / 1e6:.1f}M parameters, context {info.context:,}"
        return f"<Model {info.path}: {size}, {info.precision} on {info.device}>"

    def generate(self, prompt: str = "", **settings: Unpack[Sampling]) -> str:
        """Return the text that follows `prompt`: an answer from a model made for chat, a continuation from others.

        Args:
            prompt: the text; empty begins from nothing.
            **settings: how to draw; `max_tokens` is 100 unless it is given.

        Raises:
            ConfigError: a setting that does not exist or is out of bounds.
        """
        return _text(self.stream(prompt, **settings))

    def stream(self, prompt: str = "", *, alternatives: int = 0, **settings: Unpack[Sampling]) -> Iterator[Token]:
        """Like `generate`, but yields each `Token` as it comes.

        Args:
            alternatives: how many of the likeliest tokens each `Token` names beside itself.
        """
        request = completion(self.engine, prompt)
        wishes = SamplingSettings.parse({"max_tokens": 100, **settings})
        return self.engine.run(request.job(wishes, alternatives=alternatives))

    def chat(self, messages: Iterable[MessageLike], **settings: Unpack[Sampling]) -> str:
        """Return the assistant's next message of a conversation; `Chat` holds one for you.

        Args:
            messages: `{"role": "user" | "assistant" | "system", "content": ...}`, oldest first. A conversation that begins
                with one that was answered before is read from where it goes on.
            **settings: how to draw; without `max_tokens` the answer goes on until its turn ends.

        Raises:
            ConfigError: a setting or message that can't be used, or a model that learnt from plain text.
            DataError: a role that does not exist.
        """
        return _text(self.stream_chat(messages, **settings))

    def stream_chat(
        self, messages: Iterable[MessageLike], *, alternatives: int = 0, **settings: Unpack[Sampling]
    ) -> Iterator[Token]:
        """Like `chat`, but yields each `Token` as it comes; `alternatives` are those of `stream`."""
        from picochat.chat.request import answer_request

        _require_chat(self.engine)
        wishes = SamplingSettings.parse({**settings})
        request = answer_request(self.engine, messages, wishes.max_tokens)
        return self.engine.run(request.job(wishes, alternatives=alternatives))


class Chat:
    """A conversation with a model, which remembers what was said.

        chat = picochat.Chat(system="Be brief.", temperature=0.5)
        print(chat.say("Hi, I'm Ada."))

    Args:
        model: a loaded model, or what `load` takes; `None` is the shipped model.
        system: what the model is told before the conversation.
        messages: a conversation to go on with, as `messages` gives it.
        **settings: how to draw the answers, as for `Model`. Without `seed` each answer has a random one, which `last.seed`
            tells; without `max_tokens` it goes on until its turn ends.

    Attributes:
        model: the model.
        settings: how answers are drawn.

    Raises:
        ConfigError: a setting or message that can't be used, or a model that learnt from plain text.
        PicochatError: what `load` raises.
    """

    def __init__(
        self,
        model: Model | str | Path | Result | None = None,
        *,
        system: str | None = None,
        messages: Iterable[MessageLike] = (),
        **settings: Unpack[Sampling],
    ) -> None:
        from picochat.chat.request import read_conversation
        from picochat.chat.session import ChatSession

        self.settings = SamplingSettings.parse({**settings})
        self._session = ChatSession()
        self._session.conversation = read_conversation(messages)
        if system is not None:
            self._session.conversation.system = system
        self.model = model if isinstance(model, Model) else load(model)
        _require_chat(self.model.engine)
        self._session.use(self.model.engine)
        self._writing: weakref.ref[Generator[Token]] | None = None

    def __repr__(self) -> str:
        return f"<Chat with {self.model.engine.info.path}: {len(self._session.conversation.entries)} messages>"

    @property
    def messages(self) -> list[dict[str, str]]:
        """What was said, oldest first, the system prompt before it: as `Model.chat` takes it and training text has it."""
        conversation = self._session.conversation
        system = [{"role": "system", "content": conversation.system}] if conversation.system else []
        return [*system, *({"role": each.message.role, "content": each.message.content} for each in conversation.entries)]

    @property
    def last(self) -> Reply | None:
        """The last answer with its `tokens`, its `seed`, why it ended (`stop`) and its `tokens_per_second`."""
        return self._session.last

    def say(self, text: str, **settings: Unpack[Sampling]) -> str:
        """Say something and return the answer; both join the conversation.

        Args:
            **settings: how to draw this answer, where it differs from the rest.

        Raises:
            ConfigError: a setting that does not exist or is out of bounds.
        """
        return _text(self.stream(text, **settings))

    def stream(self, text: str, **settings: Unpack[Sampling]) -> Iterator[Token]:
        """Like `say`, but yields each `Token` as it comes, with alternatives.

        The answer joins the conversation when the stream ends. Of one that is broken off, what was said stays; one
        without a word leaves no trace, and takes `text` with it. To say the next thing ends a stream that is still open.
        """
        return self._answer(text, self.settings.changed(**settings))

    def reset(self) -> None:
        """Forget what was said; the system prompt and the settings stay."""
        self._end_stream()
        self._session.reset()

    def _answer(self, text: str, wishes: SamplingSettings) -> Iterator[Token]:
        self._end_stream()
        self._session.settings = self._session.settings.changed(**wishes.model_dump())
        tokens = cast("Generator[Token]", iter(self._session.reply(text)))
        # weak: a loop that is left must end its stream
        self._writing = weakref.ref(tokens)
        yield from tokens

    def _end_stream(self) -> None:
        tokens = self._writing() if self._writing else None
        if tokens is not None:
            tokens.close()


def load(
    path: str | Path | Result | None = None, *, device: str = "auto", threads: int | None = None, precision: str = "auto"
) -> Model:
    """Load a model.

    Args:
        path: what `-m` takes: a model file or run folder, a GGUF file, a Hugging Face folder, or ORG/NAME on its hub; or
            what `train` returned; `None` is the shipped model.
        device: "auto", "cpu", "cuda" or "mps".
        threads: CPU threads; `None` finds out.
        precision: "auto" is the quickest that answers as fp32 does; or "fp32", "bf16", "fp16", "int8", "int4".

    Raises:
        CheckpointError: missing, damaged or foreign.
        ConfigError: a precision that can't be had for this model or machine.
        DeviceError: a device that is not here.
    """
    if path is None:
        path = default_model()
    elif not isinstance(path, (str, Path)):
        if path.best is None:
            raise CheckpointError("That run kept no model: it ended before an evaluation found a loss; train it longer.")
        path = path.best
    return Model(load_engine(path, device=device, threads=threads, precision=precision))


def train(data: str | Path, *, force: bool = False, reporter: Reporter | None = None, **settings: Any) -> Result:
    """Train on a file or folder, and return how it went: `load` and `Chat` take that as a model.

    Args:
        data: text or conversations; what `picochat train --data` takes.
        force: replace a run that is already in the folder `out`.
        reporter: is told how the run goes; without one nothing is said.
        **settings: fields of `TrainConfig`, which are the options of `picochat train`: `time="20m"`, `size="nano"`.

    Raises:
        PicochatError: data or settings that can't be used.
    """
    from picochat.inference.samples import write_sample
    from picochat.training.config import TrainConfig
    from picochat.training.setup import train as run

    config = TrainConfig.parse({"data": Path(data), **settings})
    return run(config, force=force, reporter=reporter, sample=write_sample)


def _text(tokens: Iterable[Token]) -> str:
    return "".join(token.text for token in tokens)


def _require_chat(engine: Engine) -> None:
    if not engine.info.chats:
        raise ConfigError(
            f"{engine.info.path} learnt from plain text and can't hold a conversation; generate() lets it go on with a text."
        )
