"""Text coloured by how sure the model was of each token."""

from __future__ import annotations

import math
from collections.abc import Sequence

from textual.content import Content

from picochat.inference.engine import Token
from picochat.text.safe import printable

LEVELS: tuple[tuple[float, str, str], ...] = (
    (0.8, "", "sure"),
    (0.4, "$text-success", "likely"),
    (0.1, "$text-warning italic", "open"),
    (0.0, "$text-error underline", "unlikely"),
)
"""Least probability, style and name. The styles differ by more than colour."""


def chance(logprob: float) -> float:
    """The probability behind a logarithm; rounding never takes it above 1."""
    return math.exp(min(0.0, logprob))


def probability(token: Token) -> float:
    """The model's probability of a token, from 0 to 1."""
    return chance(token.logprob)


def style_of(share: float) -> str:
    """The style of a token with that probability."""
    return next(style for least, style, _ in LEVELS if share >= least)


def token_content(tokens: Sequence[Token], cursor: int | None = None) -> Content:
    """The tokens' text, each in the style of its probability; the one at `cursor` is reversed."""
    parts: list[tuple[str, str]] = []
    for index, token in enumerate(tokens):
        text, style = printable(token.text), style_of(probability(token))
        if index == cursor:
            # a token without text of its own must show somewhere
            text, style = text or "\u2423", f"{style} reverse".strip()
        parts.append((text, style))
    return Content.assemble(*parts)


def legend() -> Content:
    """What the styles mean."""
    parts: list[str | tuple[str, str]] = []
    for least, style, name in LEVELS:
        parts += [(f"{name} (from {least:.0%})" if least else name, style), "  "]
    return Content.assemble(*parts)
