"""A folder that `ollama create NAME -f Modelfile` takes: the model as GGUF, its turns as a Go template, its settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from picochat.checkpoint import Checkpoint
from picochat.errors import ConfigError
from picochat.files import atomic_folder, write_text
from picochat.interop.gguf_check import GgufCheck
from picochat.interop.gguf_write import write_gguf
from picochat.text.turns import TurnFormat

MODEL, MODELFILE = "model.gguf", "Modelfile"


def write_ollama(
    checkpoint: Checkpoint,
    folder: Path,
    kind: str = "f16",
    *,
    sampling: Mapping[str, float] | None = None,
    check: bool = True,
) -> GgufCheck | None:
    """Write `model.gguf` and `Modelfile` into a new folder; arguments, result and errors as of `write_gguf`.

    Args:
        sampling: how to draw unless told otherwise, by Ollama's names: `temperature`, `top_k`, `top_p`, `repeat_penalty`.

    Raises:
        OutputError: also where `folder` has something in it.
    """
    text = modelfile(checkpoint, sampling or {})
    with atomic_folder(folder) as temporary:
        checked = write_gguf(checkpoint, temporary / MODEL, kind, name=folder.name, check=check)
        write_text(temporary / MODELFILE, text)
    return checked


def modelfile(checkpoint: Checkpoint, sampling: Mapping[str, float]) -> str:
    """The Modelfile, beside the model's file.

    Raises:
        ConfigError: turns that a Modelfile can't hold.
    """
    turns, chats = checkpoint.tokenizer.turns, checkpoint.training.get("kind", "chat") == "chat"
    # GGUF's own mark stands in front of every prompt, so the template leaves it out
    template = go_template(turns) if chats else "{{ .Prompt }}"
    if '"""' in template:
        raise ConfigError("A Modelfile can't hold three quotes in a row, and this model's turns have them.")
    stops = turns.ends if chats else (turns.end_of_text,)
    lines = [
        f"FROM ./{MODEL}",
        f'TEMPLATE """{template}"""',
        *(f'PARAMETER stop "{stop}"' for stop in stops),
        *(f"PARAMETER {name} {value:g}" for name, value in sampling.items()),
        f"PARAMETER num_ctx {checkpoint.config.context}",
    ]
    return "\n".join(lines) + "\n"


def go_template(turns: TurnFormat) -> str:
    """The turns in Go's template language, over Ollama's `.Messages`; the mark at the very beginning is left out."""
    begin = turns.begin.removeprefix(turns.start_of_text)
    frames = {role: turns.frame(role) for role in ("system", "user", "assistant")}
    parts = [_said(begin)]
    if turns.default_system is not None:
        default = frames["system"].before + turns.default_system + frames["system"].after
        parts.append(f"{{{{ if not .System }}}}{_said(default)}{{{{ end }}}}")
    parts.append("{{ range .Messages }}")
    for place, (role, frame) in enumerate(frames.items()):
        parts.append(f'{{{{ {"else if" if place else "if"} eq .Role "{role}" }}}}')
        parts.append(f"{_said(frame.before)}{{{{ .Content }}}}{_said(frame.after)}")
    parts.append(f"{{{{ end }}}}{{{{ end }}}}{_said(turns.reply)}")
    return "".join(parts)


def _said(text: str) -> str:
    """A text as Go writes it: as a constant, so that no brace in it counts."""
    for character, escape in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(character, escape)
    return f'{{{{ "{text}" }}}}' if text else ""
