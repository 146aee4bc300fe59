"""The base of every settings class: pydantic's checks, picochat's sentences."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from picochat.errors import ConfigError

S = TypeVar("S", bound="Schema")

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

# a file may hold any value, and a sentence is one line
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def parse_duration(text: str) -> float:
    """Seconds of "90s", "10m", "2h", "1h30m" or a bare number of seconds.

    Raises:
        ValueError: anything else.
    """
    seconds, number = 0.0, ""
    try:
        for character in text.strip().lower():
            if character in _UNITS:
                seconds += float(number) * _UNITS[character]
                number = ""
            else:
                number += character
        seconds += float(number) if number else 0.0
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e9:
        raise ValueError("a time like 90s, 10m or 2h")
    return seconds


Duration = Annotated[float, BeforeValidator(lambda value: parse_duration(value) if isinstance(value, str) else value)]
"""A setting in seconds that may be written like 90s, 10m or 2h."""


class Schema(BaseModel):
    """Immutable settings whose mistakes are told in one sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls: type[S], values: dict[str, Any], *, place: Callable[[str], str] = lambda name: "") -> S:
        """Build from plain values.

        Args:
            place: where a setting was given, by its name, for the sentence to begin with.

        Raises:
            ConfigError: an unknown field (with the nearest right name) or a value out of bounds (with the bound).
        """
        try:
            return cls(**values)
        except ValidationError as error:
            name, sentence = _complaint(cls, error)
            raise ConfigError(place(name) + sentence) from None

    def changed(self: S, **values: Any) -> S:
        """A copy with some fields changed, checked like new ones; raises `ConfigError`."""
        copy = self.parse({**self.model_dump(), **values})
        copy.model_fields_set.intersection_update(self.model_fields_set | values.keys())
        return copy


def _complaint(schema: type[Schema], error: ValidationError) -> tuple[str, str]:
    """The first setting that is wrong, and the sentence about it."""
    detail = error.errors()[0]
    name = str(detail["loc"][0]) if detail["loc"] else schema.__name__
    label = name.replace("_", "-")
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name.replace("-", "_"), schema.model_fields, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(schema.model_fields)}."
        return name, f"There is no setting '{name}'; {hint}"
    value, message = detail["input"], detail["msg"]
    if detail["type"] == "missing":
        return name, f"{label} is missing."
    for prefix in ("Input should be ", "Input is not ", "Value error, "):
        message = message.removeprefix(prefix)
    # pydantic goes on with its own classes and with how it failed, which the value shows
    message = re.split(", unable to |, got | for <class ", message)[0]
    return name, f"{label} must be {message}, not {_short.repr(value)}."
