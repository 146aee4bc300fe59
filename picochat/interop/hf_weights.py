"""The weights of transformers' GPT-2, Llama and Qwen3, and ours: the same numbers under other names.

We keep queries, keys and values in one matrix, and gate and up in one; GPT-2 keeps its matrices transposed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from picochat.errors import CheckpointError
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT

ONE_FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"

_TYPES = {"F32", "F16", "BF16"}
# tables that older versions kept with the weights, and that follow from the shape
_LEFT_OUT = re.compile(r"(\.attn\.(masked_)?bias|rotary_emb\.inv_freq)\Z")
_BIG = 50_000_000
"""Bytes of an index: more is none."""


@dataclass(frozen=True)
class Mapped:
    """One of our weights.

    Attributes:
        ours: its name.
        theirs: those that lie in it, one above the other.
        shapes: of each of `theirs`, as they are kept there.
        transposed: each is kept the other way round.
    """

    ours: str
    theirs: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    transposed: bool = False


def mapping(config: ModelConfig, architecture: str) -> Iterator[Mapped]:
    """All weights of a network, under our names and under those of a class of transformers."""
    with torch.device("meta"):
        model = GPT(config)
    for ours, tensor in model.saved_weights().items():
        theirs, transposed = _names(ours, architecture)
        heights = model.parts_of(re.sub(r"bias\Z", "weight", ours)) if len(theirs) > 1 else (tensor.shape[0],)
        shapes = [(height, *tensor.shape[1:]) for height in heights]
        transposed = transposed and tensor.dim() == 2
        yield Mapped(ours, theirs, tuple(shape[::-1] if transposed else shape for shape in shapes), transposed)


_WHOLE = {
    "gpt2": {
        "embedding": "transformer.wte",
        "positions": "transformer.wpe",
        "norm": "transformer.ln_f",
        "head": "lm_head",
    },
    "llama": {"embedding": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"},
}
_LAYER: dict[str, dict[str, tuple[str, ...]]] = {
    "gpt2": {
        "norm1": ("ln_1",),
        "norm2": ("ln_2",),
        "attention.qkv": ("attn.c_attn",),
        "attention.out": ("attn.c_proj",),
        "feed_forward.up": ("mlp.c_fc",),
        "feed_forward.down": ("mlp.c_proj",),
    },
    "llama": {
        "norm1": ("input_layernorm",),
        "norm2": ("post_attention_layernorm",),
        "attention.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        "attention.out": ("self_attn.o_proj",),
        "attention.q_norm": ("self_attn.q_norm",),
        "attention.k_norm": ("self_attn.k_norm",),
        "feed_forward.up": ("mlp.gate_proj", "mlp.up_proj"),
        "feed_forward.down": ("mlp.down_proj",),
    },
}


def _names(ours: str, architecture: str) -> tuple[tuple[str, ...], bool]:
    family = "gpt2" if architecture == "gpt2" else "llama"
    module, _, kind = ours.rpartition(".")
    if not module.startswith("blocks."):
        return (f"{_WHOLE[family][module]}.{kind}",), False
    _, layer, inner = module.split(".", 2)
    prefix = f"transformer.h.{layer}" if family == "gpt2" else f"model.layers.{layer}"
    return tuple(f"{prefix}.{name}.{kind}" for name in _LAYER[family][inner]), family == "gpt2"


def to_hf(weights: dict[str, Tensor], config: ModelConfig, architecture: str, dtype: torch.dtype) -> dict[str, Tensor]:
    """Weights under the names of transformers."""
    renamed: dict[str, Tensor] = {}
    for each in mapping(config, architecture):
        heights = [shape[-1 if each.transposed else 0] for shape in each.shapes]
        for name, part in zip(each.theirs, torch.split(weights[each.ours].to(dtype), heights), strict=True):
            renamed[name] = (part.T if each.transposed else part).contiguous()
    return renamed


def from_hf(files: TensorFiles, config: ModelConfig, architecture: str) -> dict[str, Tensor]:
    """Weights under our names, as the files' type.

    Raises:
        CheckpointError: one is missing, has another shape than `config` says, or belongs to no part of the network.
    """
    left = {name for name in files.names if not _LEFT_OUT.search(name)}
    if config.tied:
        # a tied head is the embedding, also where it is kept twice
        left.discard("lm_head.weight")
    # Llama may have biases in the attention alone, or in the feed-forward part alone; ours are in both
    biased = {name.split(".")[-3] for name in left if name.endswith(".bias")} if architecture == "llama" else set()
    weights: dict[str, Tensor] = {}
    for each in mapping(config, architecture):
        parts = []
        for name, shape in zip(each.theirs, each.shapes, strict=True):
            if name.endswith(".bias") and biased and name.split(".")[-3] not in biased:
                parts.append(torch.zeros(shape))
                continue
            parts.append(files.read(name, shape))
            left.discard(name)
        if len(parts) == 1:
            weights[each.ours] = parts[0].T.contiguous() if each.transposed else parts[0]
        else:
            weights[each.ours] = torch.cat(parts)
    if left:
        raise CheckpointError(
            f"{files.place} holds a tensor {min(left)!r}, which belongs to no part of such a model; "
            "picochat reads whole models, and no adapters or quantised ones."
        )
    return weights


class TensorFiles:
    """The tensors of a folder, in one file or several, mapped into memory.

    Attributes:
        names: of all tensors, with the prefix that some files leave out.

    Raises:
        CheckpointError: files are missing, damaged or elsewhere.
    """

    def __init__(self, folder: Path, prefix: str) -> None:
        self.place = str(folder)
        self._folder = folder
        self._opened: dict[str, Any] = {}
        if (folder / INDEX).is_file():
            places = _read_index(folder / INDEX)
        elif (folder / ONE_FILE).is_file():
            places = dict.fromkeys(self._open(ONE_FILE).keys(), ONE_FILE)
        else:
            raise CheckpointError(
                f"{folder} holds no {ONE_FILE}; older formats are pickles, which could run any code when read: "
                "save the model anew with transformers."
            )
        # a bare base model leaves out the name of what wraps it
        bare = not any(name.startswith(prefix) for name in places)
        self._places = {
            f"{prefix}{name}" if bare and name != "lm_head.weight" else name: (name, file) for name, file in places.items()
        }
        self.names = frozenset(self._places)

    def read(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """One tensor, which must have that shape."""
        if name not in self._places:
            raise CheckpointError(f"{self.place} is incomplete: the tensor {name!r} is missing.")
        kept, file = self._places[name]
        try:
            part = self._open(file).get_slice(kept)
            kind, its = part.get_dtype(), tuple(part.get_shape())
        except Exception as error:  # the library has one kind of error for all
            raise CheckpointError(f"{self._folder / file} is damaged ({error}); get it again.") from None
        if kind not in _TYPES:
            raise CheckpointError(f"{self.place} holds {name!r} as {kind}; picochat reads {', '.join(sorted(_TYPES))}.")
        if its != shape:
            raise CheckpointError(f"{self.place} does not fit its config.json: {name!r} is {its} and should be {shape}.")
        tensor: Tensor = self._open(file).get_tensor(kept)
        return tensor

    def _open(self, file: str) -> Any:
        if file not in self._opened:
            try:
                from safetensors import safe_open
            except ImportError:
                raise CheckpointError("Reading such a model needs safetensors; run `pip install safetensors`.") from None
            try:
                self._opened[file] = safe_open(self._folder / file, framework="pt")
            except FileNotFoundError:
                raise CheckpointError(f"{self.place} is incomplete: the file {file} is missing.") from None
            except Exception as error:  # also of headers that ask for more than the file holds
                raise CheckpointError(f"{self._folder / file} is damaged or cut short ({error}); get it again.") from None
        return self._opened[file]


def _read_index(path: Path) -> dict[str, str]:
    """Which tensor is in which file; a name that points out of the folder is refused."""
    whole = read_json(path, _BIG)
    places = whole.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(file, str) for file in places.values()):
        raise CheckpointError(f"{path} is damaged: it has no list of tensors.")
    for file in set(places.values()):
        if not re.fullmatch(r"[\w.-]+\.safetensors", file):
            raise CheckpointError(
                f"{path} names a file outside of its folder or of another kind ({file!r}), and is refused."
            )
    return {str(name): file for name, file in places.items()}


def read_json(path: Path, most: int) -> dict[str, Any]:
    """A JSON object of at most `most` bytes; raises `CheckpointError` where it is none."""
    try:
        if path.stat().st_size > most:
            raise CheckpointError(f"{path} is too large ({path.stat().st_size:,} bytes) to be what its name says.")
        whole = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} holds no {path.name}; give the folder of a whole model.") from None
    except OSError as error:
        raise CheckpointError(f"{path} can't be read ({error.strerror or error}).") from None
    except (ValueError, RecursionError):
        raise CheckpointError(f"{path} is damaged: it is no JSON; get it again.") from None
    if not isinstance(whole, dict):
        raise CheckpointError(f"{path} is damaged: it holds no object.")
    return whole
