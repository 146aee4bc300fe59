"""Any model that picochat can read, told by what is there: its own files, Hugging Face folders and names, GGUF."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from picochat.errors import CheckpointError
from picochat.runs import find_model_file

if TYPE_CHECKING:
    from picochat.checkpoint import Checkpoint

CONFIG = "config.json"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*\Z")
_WANTED = [
    *(CONFIG, "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"),
    *("model.safetensors.index.json", "model*.safetensors"),
]
_GGUF = b"GGUF"


def locate(source: str | Path) -> Path:
    """Where a model is: a model file or run folder of picochat, a GGUF file, a Hugging Face folder, or one that is fetched.

    What is there under that path goes before a name on the hub (ORG/NAME), and so does a folder of the name's first part.

    Raises:
        CheckpointError: nothing there.
    """
    path = Path(source)
    if is_hf(path) or is_gguf(path):
        return path
    name = _name(source)
    # a mistyped run must not become a question to the network
    hub = _HUB_NAME.match(name) and path.suffix not in (".pt", ".gguf") and not path.parent.is_dir()
    if hub and not path.exists():
        return download(name)
    return find_model_file(path)


def read_any(source: str | Path) -> Checkpoint:
    """Read what `locate` finds. Needs torch.

    Raises:
        CheckpointError: nothing there, or nothing that can be read.
    """
    from picochat.checkpoint import load_checkpoint
    from picochat.interop.gguf_read import read_gguf
    from picochat.interop.hf import read_hf

    path = locate(source)
    if is_hf(path):
        return read_hf(path, name=None if Path(source) == path else _name(source))
    return read_gguf(path) if is_gguf(path) else load_checkpoint(path)


def shortened(checkpoint: Checkpoint, context: int) -> Checkpoint:
    """The model with a window of at most `context` tokens: the cache of a long one takes much memory."""
    if context >= checkpoint.config.context:
        return checkpoint
    weights = dict(checkpoint.weights)
    if "positions.weight" in weights:
        weights["positions.weight"] = weights["positions.weight"][:context].clone()
    return replace(checkpoint, config=replace(checkpoint.config, context=context), weights=weights)


def _name(source: str | Path) -> str:
    """What the hub might call it; a path has other separators on Windows."""
    return source if isinstance(source, str) else source.as_posix()


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
            f"The model {name} is only for those who accepted its terms; do so on its page of the Hugging Face hub, and run "
            "`hf auth login`."
        ) from None
    except RepositoryNotFoundError:
        raise CheckpointError(
            f"There is nothing at {name}, and no model of that name on the Hugging Face hub; check the spelling."
        ) from None
    except Exception as error:  # all that a network can do
        reason = str(error).partition(". ")[0].partition("\n")[0][:200] or type(error).__name__
        raise CheckpointError(
            f"There is nothing at {name}, and the Hugging Face hub can't be reached for a model of that name ({reason}); "
            "check the path, or the network."
        ) from None
