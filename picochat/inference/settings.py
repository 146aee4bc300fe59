"""How to draw tokens: the one schema behind flags, `/set`, the settings panel and the API."""

from __future__ import annotations

from pydantic import Field

from picochat.schema import Schema

MAX_TOKENS = 1_000_000


class SamplingSettings(Schema):
    """Settings of one generation."""

    temperature: float = Field(0.6, ge=0, le=5, description="Higher is more varied; 0 always takes the likeliest token.")
    top_k: int = Field(20, ge=0, le=1_000_000, description="Choose among the k likeliest tokens; 0 is all of them.")
    top_p: float = Field(1.0, gt=0, le=1, description="Choose among the likeliest tokens that together reach this share.")
    min_p: float = Field(0.0, ge=0, lt=1, description="Leave out tokens less likely than this share of the likeliest one.")
    guidance_scale: float = Field(
        1.3, ge=0, le=10, description="Above 1 holds an answer closer to what was said; 1 leaves the model alone."
    )
    best_of: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Answers drawn side by side, of which the likeliest is given; empty is 16 for small models, else 1.",
    )
    repetition_penalty: float = Field(
        1.0, ge=0.01, le=10, description="Above 1 makes tokens that occurred already less likely."
    )
    max_tokens: int | None = Field(
        None, ge=1, le=MAX_TOKENS, description="Stop after so many tokens; empty is until the end of the turn."
    )
    seed: int | None = Field(
        None, ge=0, le=2**63 - 1, description="The same seed gives the same text; empty is a new one each time."
    )
    stop: tuple[str, ...] = Field((), description="Stop before any of these texts.")


ELSEWHERE: dict[str, float] = {"temperature": 0.3, **SamplingSettings().model_dump(include={"top_k", "top_p"})}
"""What goes with an exported model: other programs draw a single answer, which less chance suits better."""
