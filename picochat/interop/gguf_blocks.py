"""The numbers of a GGUF tensor: to PyTorch and back. The block codecs are those of llama.cpp's own gguf package."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from picochat.errors import ConfigError
from picochat.interop.gguf_file import BLOCK_TYPES, GgufFile, TensorEntry

WRITABLE = {"f32": "F32", "f16": "F16", "q8_0": "Q8_0"}
"""What can be written, and the tensor type of its matrices."""


def quants() -> Any:
    """The codecs of the gguf package.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import gguf.quants
    except ImportError:
        raise ConfigError("GGUF files need the package gguf; install it with `pip install 'picochat[gguf]'`.") from None
    return gguf.quants


def read_tensor(file: GgufFile, entry: TensorEntry) -> Tensor:
    """A tensor as fp32, or as it is where it is fp16 or bf16: both are exact there, and half as large.

    Raises:
        CheckpointError: numbers that are none, which nothing but damage gives.
    """
    raw, name = file.bytes_of(entry), BLOCK_TYPES[entry.kind].name
    if name == "BF16":
        tensor = torch.from_numpy(raw.view("<i2").copy()).view(torch.bfloat16)
    elif name == "F16":
        tensor = torch.from_numpy(raw.view("<f2").copy())
    elif name == "F32":
        tensor = torch.from_numpy(raw.view("<f4").copy())
    else:
        with np.errstate(all="ignore"):
            tensor = torch.from_numpy(quants().dequantize(raw, _kind(name)))
    lowest, highest = torch.aminmax(tensor)  # NaN where one number is
    if not torch.isfinite(lowest) or not torch.isfinite(highest):
        raise file.damaged(f"the tensor '{entry.name}' holds numbers that are none")
    return tensor.reshape(entry.shape)


def stored_type(shape: tuple[int, ...], name: str, kind: str) -> str:
    """The tensor type for one tensor of a file of that kind.

    Norms, biases and positions stay F32, as in llama.cpp's own files; rows that don't divide into blocks go as F16.
    """
    if len(shape) == 1 or name == "position_embd.weight":
        return "F32"
    wanted = WRITABLE[kind]
    values = next(block.values for block in BLOCK_TYPES.values() if block.name == wanted)
    return wanted if shape[-1] % values == 0 else "F16"


def stored_bytes(shape: tuple[int, ...], type_name: str) -> int:
    """Bytes of a tensor in the file."""
    block = next(block for block in BLOCK_TYPES.values() if block.name == type_name)
    return int(np.prod(shape)) // block.values * block.size


def to_blocks(tensor: Tensor, type_name: str) -> npt.NDArray[Any]:
    """A tensor's numbers as the file stores them."""
    blocks: npt.NDArray[Any] = quants().quantize(tensor.to(torch.float32).contiguous().numpy(), _kind(type_name))
    return np.ascontiguousarray(blocks)


def _kind(type_name: str) -> Any:
    from gguf.constants import GGMLQuantizationType

    return GGMLQuantizationType[type_name]
