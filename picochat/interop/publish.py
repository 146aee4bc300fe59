"""The folders that are pushed to a hub: the model for transformers, picochat and llama.cpp, and a Space to chat with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from picochat.checkpoint import Checkpoint
from picochat.files import write_text
from picochat.interop.gguf_write import write_gguf
from picochat.interop.hf import write_hf
from picochat.interop.model_card import model_card
from picochat.interop.space import write_space

MODEL, SPACE = "model", "space"


def write_pages(
    checkpoint: Checkpoint,
    folder: Path,
    name: str,
    *,
    gguf: str | None = None,
    space: bool = False,
    sampling: Mapping[str, Any] | None = None,
    check: bool = True,
) -> dict[str, Path]:
    """Write what the pages of a model hold: into `folder`/model, and with `space` into `folder`/space.

    Args:
        folder: one that is there and empty.
        name: OWNER/NAME on the hub.
        gguf: a kind of `write_gguf` to add such a file; `None` adds none.
        sampling: fields of `generation_config.json`.
        check: whether to load each result with the program that it is for, and compare.

    Returns:
        The folders, by "model" and "space".

    Raises:
        ConfigError, CheckpointError, OutputError: as `write_hf` and `write_gguf`.
    """
    title = name.rpartition("/")[2]
    places = {MODEL: folder / MODEL}
    facts = write_hf(checkpoint, places[MODEL], sampling=sampling, check=check)
    files = {f"{title}.pt": "picochat's own file, with the tokenizer and the facts of the training"}
    checkpoint.save(places[MODEL] / f"{title}.pt")
    if gguf is not None:
        file = f"{title}-{gguf}.gguf"
        write_gguf(checkpoint, places[MODEL] / file, gguf, name=title, check=check)
        files[file] = f"for llama.cpp, Ollama and LM Studio, matrices as {gguf}"
    write_text(places[MODEL] / "README.md", model_card(checkpoint, title, facts["architecture"], place=name, files=files))
    if space:
        places[SPACE] = folder / SPACE
        places[SPACE].mkdir()
        write_space(checkpoint, places[SPACE], name)
    return places
