"""Any model that picochat can read, told by what is there: its own files, Hugging Face folders and names, GGUF."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from picochat.checkpoint import Checkpoint, load_checkpoint
from picochat.errors import CheckpointError
from picochat.interop.hf import CONFIG, read_hf
from picochat.interop.hf_text import GENERATION, SETTINGS, TEMPLATE, TOKENIZER
from picochat.interop.hf_weights import INDEX

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*\Z")
_WANTED = [CONFIG, GENERATION, TOKENIZER, SETTINGS, TEMPLATE, INDEX, "model*.safetensors"]
_GGUF = b"GGUF"


def read_any(source: str | Path) -> Checkpoint:
    """Read a model file or run folder of picochat, a Hugging Face folder, or a name on its hub (ORG/NAME).

    What is there under that path goes before a name, and so does a folder of the name's first part.

    Raises:
        CheckpointError: nothing there, or nothing that can be read.
    """
    path = Path(source)
    if is_hf(path):
        return read_hf(path)
    if path.exists():
        if is_gguf(path):
            # the reader of GGUF files goes here
            raise CheckpointError(f"{path} is a GGUF file, which this picochat doesn't read; give a Hugging Face folder.")
        return load_checkpoint(path)
    # a mistyped run must not become a question to the network
    if _HUB_NAME.match(str(source)) and path.suffix not in (".pt", ".gguf") and not path.parent.is_dir():
        return read_hf(download(str(source)), name=str(source))
    return load_checkpoint(path)


def shortened(checkpoint: Checkpoint, context: int) -> Checkpoint:
    """The model with a window of at most `context` tokens: the cache of a long one takes much memory."""
    if context >= checkpoint.config.context:
        return checkpoint
    weights = dict(checkpoint.weights)
    if "positions.weight" in weights:
        weights["positions.weight"] = weights["positions.weight"][:context].clone()
    return replace(checkpoint, config=replace(checkpoint.config, context=context), weights=weights)


def is_hf(path: Path) -> bool:
    """Whether it is a folder as transformers writes them."""
    return (path / CONFIG).is_file()


def is_gguf(path: Path) -> bool:
    """Whether it is a GGUF file, told by its first bytes."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(_GGUF)) == _GGUF
    except OSError:
        return False


def download(name: str) -> Path:
    """The folder of a model on the Hugging Face hub, fetched where it is not in the hub's cache already.

    Raises:
        CheckpointError: there is none of that name, it is not for all, or there is no network.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
    except ImportError:
        raise CheckpointError(
            f"There is nothing at {name}; to get a model of that name from the Hugging Face hub, "
            "run `pip install huggingface_hub`."
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=_WANTED))
    except GatedRepoError:
        raise CheckpointError(
            f"The model {name} is only for those who accepted its terms on the Hugging Face hub."
        ) from None
    except RepositoryNotFoundError:
        raise CheckpointError(f"There is nothing at {name}, and no model of that name on the Hugging Face hub.") from None
    except Exception as error:  # all that a network can do
        reason = str(error).partition(". ")[0].partition("\n")[0][:200] or type(error).__name__
        raise CheckpointError(
            f"There is nothing at {name}, and the Hugging Face hub can't be reached for a model of that name ({reason})."
        ) from None
