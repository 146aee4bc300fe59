"""Settings of a chat: how to sample, and how to treat what went before."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal

from pydantic import Field

from picochat.errors import ConfigError
from picochat.inference.settings import SamplingSettings

Mode = Literal["conversation", "single"]

SINGLE_MAX_TOKENS = 100
"""Length of an answer in single-prompt mode, where nothing else is asked for."""

PANEL_FIELDS = ("temperature", "top_k", "top_p", "max_tokens", "seed")
"""The settings that the panel shows."""


PRESETS: dict[str, dict[str, Any]] = {
    "precise": {"temperature": 0.3, "top_k": 10, "top_p": 1.0, "min_p": 0.0},
    "balanced": {"temperature": 0.8, "top_k": 20, "top_p": 1.0, "min_p": 0.0},
    "wild": {"temperature": 1.3, "top_k": 0, "top_p": 0.98, "min_p": 0.02},
}
"""Moods of sampling, by name."""


class ChatSettings(SamplingSettings):
    """Sampling and the mode of a chat."""

    mode: Mode = Field("conversation", description="conversation keeps the context; single answers each message alone.")
    system: str | None = Field(None, description="What the model is told before the conversation.")

    def sampling(self, seed: int, mode: Mode | None = None) -> SamplingSettings:
        """The settings of one answer, in another mode than the one set where it is given."""
        values = self.model_dump(include=set(SamplingSettings.model_fields))
        if (mode or self.mode) == "single" and self.max_tokens is None:
            values["max_tokens"] = SINGLE_MAX_TOKENS
        return SamplingSettings.parse({**values, "seed": seed})

    def with_text(self, name: str, text: str) -> ChatSettings:
        """A copy with one setting read from what a user typed; nothing, "none" or "auto" empties an optional one.

        Raises:
            ConfigError: no such setting, or a value it can't have.
        """
        name = name.replace("-", "_")
        if name not in type(self).model_fields:
            names = ", ".join(type(self).model_fields)
            raise ConfigError(f"There is no setting '{name}'; settings are {names}.")
        value: Any = text.strip()
        if is_optional(name) and value.lower() in ("", "none", "auto"):
            value = None
        elif name == "stop":
            value = (value,) if value else ()
        elif not value:
            raise ConfigError(f"{name.replace('_', '-')} needs a value.")
        return self.changed(**{name: value})

    def text_of(self, name: str) -> str:
        """One setting as a user would type it; empty for one that is not set."""
        value = getattr(self, name)
        if isinstance(value, tuple):
            return " ".join(value)
        return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def is_optional(name: str) -> bool:
    """Whether a setting may be empty."""
    annotation = typing.get_type_hints(ChatSettings)[name]
    return isinstance(annotation, types.UnionType) and type(None) in typing.get_args(annotation)
