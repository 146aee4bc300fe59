"""Controls for sampling, made from the schema behind every front end."""

from __future__ import annotations

from typing import Any

import gradio as gr
from annotated_types import Ge, Gt, Le, Lt
from gradio.components import Component
from pydantic.fields import FieldInfo

from picochat.chat.settings import is_optional
from picochat.inference.settings import SamplingSettings

NAMES = tuple(name for name in SamplingSettings.model_fields if name != "stop")
"""Settings that have a control, in order."""
STEP = 0.01


def make_controls() -> list[Component]:
    """A control for each of `NAMES`, in the place of the page that is being made."""
    return [_control(name, SamplingSettings.model_fields[name]) for name in NAMES]


def _control(name: str, field: FieldInfo) -> Component:
    label, info = name.replace("_", " ").capitalize(), field.description
    common: dict[str, Any] = {"label": label, "info": info, "elem_id": f"setting-{name.replace('_', '-')}"}
    if is_optional(name):
        # a text, as it can be empty, and a browser's numbers are not exact enough for a seed
        return gr.Textbox(value="", placeholder="automatic", max_lines=1, **common)
    if field.annotation is int:
        return gr.Number(value=field.default, precision=0, **common)
    low, high = _bounds(field)
    return gr.Slider(low, high, value=field.default, step=STEP, **common)


def _bounds(field: FieldInfo) -> tuple[float, float]:
    """The smallest and the largest value that a slider may take."""
    low, high = 0.0, 1.0
    for bound in field.metadata:
        if isinstance(bound, Ge):
            low = float(bound.ge)  # type: ignore[arg-type]
        elif isinstance(bound, Gt):
            low = float(bound.gt) + STEP  # type: ignore[arg-type]
        elif isinstance(bound, Le):
            high = float(bound.le)  # type: ignore[arg-type]
        elif isinstance(bound, Lt):
            high = float(bound.lt) - STEP  # type: ignore[arg-type]
    return low, high
