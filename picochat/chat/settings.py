"""Settings of a chat: how to sample, and how to treat what went before."""

from __future__ import annotations

import types
import typing
from typing import Any, Literal

from pydantic import Field, field_validator

from picochat.chat.keys import normal_key
from picochat.errors import ConfigError
from picochat.inference.settings import SamplingSettings

Mode = Literal["conversation", "single"]

SINGLE_MAX_TOKENS = 100
"""Length of an answer in single-prompt mode, where nothing else is asked for."""

Theme = Literal[
    "dark",
    "light",
    "ansi-dark",
    "ansi-light",
    "nord",
    "gruvbox",
    "dracula",
    "tokyo-night",
    "catppuccin-mocha",
    "catppuccin-latte",
    "solarized-dark",
    "solarized-light",
]

PRESETS: dict[str, dict[str, Any]] = {
    "precise": {"temperature": 0.4, "top_k": 10, "top_p": 1.0, "min_p": 0.0, "guidance_scale": 1.3, "best_of": None},
    "balanced": {"temperature": 0.6, "top_k": 20, "top_p": 1.0, "min_p": 0.0, "guidance_scale": 1.3, "best_of": None},
    "wild": {"temperature": 1.3, "top_k": 0, "top_p": 0.98, "min_p": 0.02, "guidance_scale": 1.3, "best_of": 1},
}
"""Moods of sampling, by name."""


class ChatSettings(SamplingSettings):
    """Sampling and the mode of a chat."""

    mode: Mode = Field("conversation", description="conversation keeps the context; single answers each message alone.")
    system: str | None = Field(None, description="What the model is told before the conversation.")
    theme: Theme = Field("dark", description="Colors of the screen; the ansi ones are the terminal's own.")
    reduced_motion: bool = Field(False, description="No blinking and no animation.")
    follow: bool = Field(False, description="Take a newer model as soon as a training writes it.")
    keys: dict[str, str] = Field({}, description="Keys of your own: names, as /keys lists them, and what to press.")

    @field_validator("keys")
    @classmethod
    def _check_keys(cls, keys: dict[str, str]) -> dict[str, str]:
        return {name: normal_key(text) for name, text in keys.items()}

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
        elif name == "keys":
            value = dict(self.keys, **_pairs(value)) if value else {}
        elif not value:
            raise ConfigError(f"{name.replace('_', '-')} needs a value.")
        return self.changed(**{name: value})

    def text_of(self, name: str) -> str:
        """One setting as a user would type it; empty for one that is not set."""
        value = getattr(self, name)
        if isinstance(value, tuple):
            return " ".join(value)
        if isinstance(value, dict):
            return " ".join(f"{key}={text}" for key, text in value.items())
        if isinstance(value, bool):
            return "on" if value else "off"
        return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


PANEL_FIELDS = tuple(name for name in ChatSettings.model_fields if name not in ("stop", "keys"))
"""The settings that the panel shows: those with one plain value."""


def is_optional(name: str) -> bool:
    """Whether a setting may be empty."""
    annotation = _annotation(name)
    return isinstance(annotation, types.UnionType) and type(None) in typing.get_args(annotation)


def choices(name: str) -> tuple[str, ...]:
    """All values of a setting that has only a few; none for the others."""
    annotation = _annotation(name)
    if annotation is bool:
        return ("on", "off")
    return typing.get_args(annotation) if typing.get_origin(annotation) is Literal else ()


def _annotation(name: str) -> Any:
    return typing.get_type_hints(ChatSettings)[name]


def _pairs(text: str) -> dict[str, str]:
    """What "name=key name=key" says."""
    pairs = [word.partition("=") for word in text.split()]
    if not all(equals for _, equals, _ in pairs):
        raise ConfigError(f"keys are written like regenerate=ctrl+g, not {text!r}.")
    return {name: key for name, _, key in pairs}
