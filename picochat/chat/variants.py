"""Other ways to draw an answer, as typed after `/compare`."""

from __future__ import annotations

import contextlib
import difflib
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picochat.chat.settings import PRESETS, ChatSettings
from picochat.errors import PicochatError
from picochat.inference.settings import SamplingSettings

MOST = 6
"""Answers that are drawn beside each other at most."""

SETTINGS = tuple(SamplingSettings.model_fields)


@dataclass(frozen=True)
class Variant:
    """One other way to answer.

    Attributes:
        label: what it is called above its column.
        changes: settings by name that differ from those in force; a seed of `None` is a new one.
        model: the model file that answers; `None` is the one that is loaded.
    """

    label: str
    changes: dict[str, Any] = field(default_factory=dict)
    model: Path | None = None


def parse_variants(text: str) -> list[Variant]:
    """Read variants, one a word: `temperature=1.2`, `seed=7,temperature=1`, `model=runs/x/best.pt`, `wild`.

    A path with spaces goes in quotation marks. No text is another seed.

    Raises:
        PicochatError: no such setting or preset (with the nearest right name), or a value it can't have.
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    # a backslash is part of a Windows path
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        words = list(lexer)
    except ValueError:
        raise PicochatError("A quotation mark is not closed; put one on both sides of a path with spaces.") from None
    if len(words) > MOST:
        raise PicochatError(f"{len(words)} answers beside each other are too many; name at most {MOST}.")
    return [_variant(word) for word in words] or [Variant("another seed", {"seed": None})]


def _variant(word: str) -> Variant:
    changes: dict[str, Any] = {}
    model = None
    labels = []
    for part in word.split(","):
        name, equals, value = part.partition("=")
        name = name.strip().lower().replace("-", "_")
        if name in PRESETS and not equals:
            changes |= PRESETS[name]
            labels.append(name)
        elif name == "model" and value:
            model = Path(value)
            with contextlib.suppress(RuntimeError):  # "~name" of nobody stays as it is
                model = model.expanduser()
            labels.append("/".join(model.parts[-2:]))
        elif name in SETTINGS and equals:
            changed = ChatSettings().with_text(name, value)
            changes[name] = getattr(changed, name)
            labels.append(f"{name}={changed.text_of(name) or 'auto'}")
        else:
            raise _unknown(name)
    return Variant(", ".join(labels), changes, model)


def _unknown(name: str) -> PicochatError:
    if name in SETTINGS or name == "model":
        return PicochatError(f"{name} needs a value to compare with; write {name}= and the value, without a space.")
    near = difflib.get_close_matches(name, [*SETTINGS, "model", *PRESETS], n=1)
    if near:
        hint = f"did you mean {near[0] if near[0] in PRESETS else near[0] + '='}?"
    else:
        hint = f"name a setting (temperature=1.2), a model (model=FILE) or a preset ({', '.join(PRESETS)})."
    return PicochatError(f"Answers can't be compared by '{name}'; {hint}")
