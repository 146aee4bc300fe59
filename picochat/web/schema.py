"""Requests and responses of OpenAI's API, as far as picochat speaks it.

A request is `SamplingSettings` with a prompt: one schema, with its bounds and its sentences. Fields that change nothing are
ignored; those that ask for what a small model can't do are refused.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from picochat.chat.request import read_message
from picochat.errors import ConfigError
from picochat.inference.settings import SamplingSettings
from picochat.text.chat_format import Message

R = TypeVar("R", bound="TextRequest")

MOST_TEXTS = 16
"""Texts that one request may ask for."""
MOST_LOGPROBS = 20
MOST_STOPS = 16

# what an unsupported field may hold without asking for anything
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "tools": ([],), "tool_choice": ("none", "auto"), "functions": ([],), "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},), "modalities": (["text"],), "audio": (), "web_search_options": (),
    "logit_bias": ({},), "frequency_penalty": (0,), "presence_penalty": (0,), "suffix": ("",),
}  # fmt: skip
_INSTEAD = {"frequency_penalty": "repetition_penalty", "presence_penalty": "repetition_penalty"}


class StreamOptions(BaseModel):
    """How to stream."""

    include_usage: bool = Field(False, description="Send the number of tokens at the end.")


class TextRequest(SamplingSettings):
    """What both kinds of request share."""

    model_config = ConfigDict(extra="ignore")

    model: str | None = Field(None, description="The model's name; may be left out, as there is only one.")
    n: int = Field(1, ge=1, le=MOST_TEXTS, description="How many texts to write.")
    stream: bool = Field(False, description="Send the text while it is written.")
    stream_options: StreamOptions = Field(
        StreamOptions(), description="What a stream holds: with include_usage, also the number of tokens."
    )

    @field_validator("stop", mode="before")
    @classmethod
    def _read_stop(cls, stop: Any) -> Any:
        stops = (stop,) if isinstance(stop, str) else stop
        if isinstance(stops, (list, tuple)) and len(stops) > MOST_STOPS:
            raise ValueError(f"at most {MOST_STOPS} texts")
        return stops

    @classmethod
    def read(cls: type[R], values: Any) -> R:
        """Check what a client sent.

        Raises:
            ConfigError: a field that is wrong or not supported, in one sentence.
            DataError: a role that does not exist.
        """
        if not isinstance(values, dict):
            raise ConfigError("The request must be a JSON object.")
        values = {name: value for name, value in values.items() if value is not None}
        for name, harmless in _HARMLESS.items():
            if name in values and values[name] not in harmless:
                instead = f"; use {_INSTEAD[name]}" if name in _INSTEAD else ""
                raise ConfigError(f"picochat does not support '{name}'{instead or ', leave it out'}.")
        if "max_completion_tokens" in values:
            values["max_tokens"] = values["max_completion_tokens"]
        return cls.parse(values)

    def sampling(self, index: int) -> SamplingSettings:
        """How to draw the text of this number: each has a seed of its own, counted up from the one given."""
        values = {name: getattr(self, name) for name in SamplingSettings.model_fields}
        if self.seed is not None:
            values["seed"] = (self.seed + index) % 2**63
        return SamplingSettings.parse(values)


class ChatRequest(TextRequest):
    """A body of `/v1/chat/completions`."""

    messages: tuple[Message, ...] = Field(description="The conversation, oldest first.")
    logprobs: bool = Field(False, description="Tell how likely each token was.")
    top_logprobs: int = Field(0, ge=0, le=MOST_LOGPROBS, description="And so many of the likeliest at its place.")

    @field_validator("messages", mode="before")
    @classmethod
    def _read_messages(cls, messages: Any) -> Any:
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            raise ValueError("a list of messages")
        roles = {"developer": "system"}
        return tuple(
            read_message(
                {"role": roles.get(str(message.get("role")), message.get("role")), "content": _text(message.get("content"))}
            )
            for message in messages
        )

    @property
    def alternatives(self) -> int:
        """Likeliest tokens to report."""
        return self.top_logprobs if self.logprobs else 0


class CompletionRequest(TextRequest):
    """A body of `/v1/completions`."""

    max_tokens: int | None = Field(16, ge=1, description="Stop after so many tokens.")
    best_of: int = Field(1, ge=1, le=1, description="Only answers are compared; here it is 1.")
    prompt: tuple[str | tuple[int, ...], ...] = Field(("",), description="Texts or lists of token ids to go on from.")
    logprobs: int | None = Field(None, ge=0, le=MOST_LOGPROBS, description="Tell how likely so many tokens were.")
    echo: bool = Field(False, description="Begin each text with its prompt.")

    @field_validator("prompt", mode="before")
    @classmethod
    def _read_prompt(cls, prompt: Any) -> Any:
        if isinstance(prompt, str) or (isinstance(prompt, list) and all(isinstance(token, int) for token in prompt)):
            prompt = [prompt]
        if not isinstance(prompt, list) or not all(isinstance(each, (str, list)) for each in prompt):
            raise ValueError("a text, a list of token ids, or a list of these")
        if not 0 < len(prompt) <= MOST_TEXTS:
            raise ValueError(f"1 to {MOST_TEXTS} texts")
        return tuple(each if isinstance(each, str) else tuple(each) for each in prompt)

    @property
    def alternatives(self) -> int:
        """Likeliest tokens to report."""
        return self.logprobs or 0


def _text(content: Any) -> Any:
    """The text of a message's content, which may come in parts; anything else as it is."""
    if not isinstance(content, list):
        return content
    if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
        raise ConfigError("picochat reads text only: each part of a message is {'type': 'text', 'text': ...}.")
    return "".join(part["text"] for part in content)


# -- responses ----------------------------------------------------------------------------------------------------------


class Usage(BaseModel):
    """Tokens read and written; the end of an answer's turn is one of them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class TopLogprob(BaseModel):
    """A token that could have been chosen."""

    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(TopLogprob):
    """The token that was chosen."""

    top_logprobs: list[TopLogprob]


class ChatLogprobs(BaseModel):
    """The tokens of an answer or of a part of it."""

    content: list[TokenLogprob]


class TextLogprobs(BaseModel):
    """The tokens of a text or of a part of it."""

    tokens: list[str]
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float]]
    text_offset: list[int]


FinishReason = Literal["stop", "length"]


class ChatMessage(BaseModel):
    """An answer, or what a chunk adds to it."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChatChoice(BaseModel):
    """One answer: whole as `message`, in a chunk as `delta`."""

    index: int
    message: ChatMessage | None = None
    delta: ChatMessage | None = None
    logprobs: ChatLogprobs | None
    finish_reason: FinishReason | None


class TextChoice(BaseModel):
    """One text, or what a chunk adds to it."""

    index: int
    text: str
    logprobs: TextLogprobs | None
    finish_reason: FinishReason | None


class Response(BaseModel):
    """A whole response, or a chunk of one; what was not set is not sent."""

    id: str
    object: Literal["chat.completion", "chat.completion.chunk", "text_completion"]
    created: int
    model: str
    choices: list[ChatChoice] | list[TextChoice]
    usage: Usage | None = None


class ModelCard(BaseModel):
    """The model that is served."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "picochat"


class ModelList(BaseModel):
    """A response of `/v1/models`."""

    object: Literal["list"] = "list"
    data: list[ModelCard]
