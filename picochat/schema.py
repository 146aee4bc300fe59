"""The base of every settings class: pydantic's checks, picochat's sentences."""

from __future__ import annotations

import difflib
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from picochat.errors import ConfigError

S = TypeVar("S", bound="Schema")


class Schema(BaseModel):
    """Immutable settings whose mistakes are told in one sentence."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def parse(cls: type[S], values: dict[str, Any]) -> S:
        """Build from plain values.

        Raises:
            ConfigError: an unknown field (with the nearest right name) or a value out of bounds (with the bound).
        """
        try:
            return cls(**values)
        except ValidationError as error:
            raise ConfigError(_sentence(cls, error)) from None

    def changed(self: S, **values: Any) -> S:
        """A copy with some fields changed, checked like new ones; raises `ConfigError`."""
        return self.parse({**self.model_dump(), **values})


def _sentence(schema: type[Schema], error: ValidationError) -> str:
    detail = error.errors()[0]
    name = str(detail["loc"][0]) if detail["loc"] else schema.__name__
    label = name.replace("_", "-")
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, schema.model_fields, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(schema.model_fields)}."
        return f"There is no setting '{name}'; {hint}"
    value, message = detail["input"], detail["msg"]
    if detail["type"] == "missing":
        return f"{label} is missing."
    for prefix in ("Input should be ", "Value error, "):
        if message.startswith(prefix):
            message = message.removeprefix(prefix)
    return f"{label} must be {message}, not {value!r}."
