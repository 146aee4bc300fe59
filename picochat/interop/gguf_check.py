"""Whether a GGUF file is the model that it was made from, judged by llama.cpp where it is installed.

Always: the file is read again, its shape and tokenizer are the model's, and every weight is as near as its type allows.
With llama-cpp-python also: the same token ids for the same texts, the same logits within a tolerance, and the same tokens
written greedily.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from picochat.checkpoint import Checkpoint
from picochat.errors import OutputError
from picochat.interop.gguf_blocks import stored_type
from picochat.interop.gguf_layout import layout
from picochat.interop.gguf_read import read_gguf
from picochat.interop.greedy import LONGEST, Logits, prompt_and_room, write_greedily

TEXTS = (
    "Hello, world! It's 2026, isn't it?",
    "  two  spaces,\ttabs\n\nand lines 12345.67\r\n",
    "na\u00efve caf\u00e9 \u20ac \U0001f600 \u65e5\u672c\u8a9e <|im_end|> x=y*2;",
)
TOLERANCE = {"f32": 0.01, "f16": 0.05, "q8_0": 0.5}
"""The largest difference of a logit between llama.cpp and us, both with the file's weights, in standard deviations of the
logits. llama.cpp rounds what goes into a product to the matrix's type (8 bits: up to 1 part in 254), and takes GELU from a
table of 16 bits."""


@dataclass(frozen=True)
class GgufCheck:
    """What was compared, and how it came out.

    Attributes:
        judge: "llama.cpp", or "picochat" where that is not installed.
        difference: the largest difference of two logits, in standard deviations of the logits; 0 without llama.cpp.
        tolerance: the largest that was allowed.
        tokens: tokens written greedily and found the same.
    """

    judge: str
    difference: float = 0.0
    tolerance: float = 0.0
    tokens: int = 0

    def __str__(self) -> str:
        if self.judge == "picochat":
            return "read again: shape, tokenizer and weights are the model's (install llama-cpp-python to compare with it)"
        return (
            f"llama.cpp agrees: token ids, {self.tokens} greedy tokens, and logits within {self.difference:.2g} standard "
            f"deviations ({self.tolerance:g} allowed)"
        )


def check_gguf(checkpoint: Checkpoint, path: Path, kind: str) -> GgufCheck:
    """Compare a file with the model that it was made from.

    Raises:
        OutputError: the file is not the model.
    """
    back = read_gguf(path)
    _check_shape(checkpoint, back)
    _check_weights(checkpoint, back, kind)
    for text in TEXTS:
        if back.tokenizer.encode(text) != checkpoint.tokenizer.encode(text):
            raise _differs(f"the tokenizer cuts {text!r} in another way")
    peer = open_llama(path, LONGEST)
    return compare_with_llama(back, peer, TOLERANCE[kind]) if peer is not None else GgufCheck("picochat")


def open_llama(path: Path, context: int) -> Any:
    """The file in llama.cpp, with logits for every position and keys and values in fp32; `None` where it is not installed.

    Raises:
        OutputError: llama.cpp can't read it.
    """
    try:
        from llama_cpp import GGML_TYPE_F32, Llama
    except (ImportError, OSError, RuntimeError):  # also: its library doesn't fit this machine
        return None
    try:
        # it warns of windows below 256 tokens, verbose or not
        with contextlib.redirect_stderr(io.StringIO()):
            # one thread: on a busy machine several wait for each other in loops
            return Llama(
                str(path), n_ctx=context, n_batch=context, n_threads=1, n_threads_batch=1, n_gpu_layers=0, logits_all=True,
                flash_attn=False, type_k=GGML_TYPE_F32, type_v=GGML_TYPE_F32, verbose=False,
            )  # fmt: skip
    except (ValueError, RuntimeError) as error:
        raise _differs(f"llama.cpp can't read the file ({error})") from None


def compare_with_llama(checkpoint: Checkpoint, peer: Any, tolerance: float) -> GgufCheck:
    """Compare token ids, logits and greedy tokens with llama.cpp's for the same file.

    Args:
        checkpoint: the file as we read it.
        peer: the same as `open_llama` opened it.
        tolerance: in standard deviations of the logits.

    Raises:
        OutputError: they differ.
    """
    for text in TEXTS:
        ids = checkpoint.tokenizer.encode(text)
        theirs = peer.tokenize(text.encode(), add_bos=False, special=False)
        if theirs != ids:
            raise _differs(f"llama.cpp cuts {text!r} into the tokens {theirs[:20]}, and picochat into {ids[:20]}")
    prompt, written = prompt_and_room(checkpoint, TEXTS[0])
    ids, ours = write_greedily(checkpoint, prompt, written)
    peer.reset()
    peer.eval(ids)
    theirs = np.array(peer.scores[: len(ids)], dtype=np.float32)
    spread = float(ours.std())
    difference = float(np.abs(ours - theirs).max()) / max(spread, 1e-9)
    if not difference <= tolerance:
        raise _differs(f"llama.cpp's logits are {difference:.3g} standard deviations away, and {tolerance:g} are allowed")
    same = _agreeing(ours[len(prompt) - 1 :], theirs[len(prompt) - 1 :], tolerance * spread)
    if same < written:
        raise _differs(f"llama.cpp writes another token after {same} greedy ones")
    return GgufCheck("llama.cpp", difference, tolerance, written)


def _agreeing(ours: Logits, theirs: Logits, near: float) -> int:
    """How many greedy tokens both choose alike; of two whose logits are as near as the tolerance, either will do."""
    for place, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        if mine[int(other.argmax())] < mine.max() - 2 * near:
            return place
    return len(ours)


def _check_shape(checkpoint: Checkpoint, back: Checkpoint) -> None:
    # what the file has no word for plays no part in answering
    ours = replace(checkpoint.config, dropout=0.0, architecture=back.config.architecture).to_dict()
    for name, value in back.config.to_dict().items():
        same = np.isclose(value, ours[name], rtol=1e-6) if isinstance(value, float) else value == ours[name]
        if not same:
            raise _differs(f"{name} is {value} and should be {ours[name]}")


def _check_weights(checkpoint: Checkpoint, back: Checkpoint, kind: str) -> None:
    for name, parts in layout(back.config, back.config.architecture).items():
        type_name = stored_type(parts[0].shape, parts[0].name, kind)
        ours, theirs = checkpoint.weights[name].float(), back.weights[name].float()
        away = (ours - theirs).abs() - _rounding(ours, type_name)
        if away.max() > 0:
            raise _differs(f"the weight '{name}' is not the model's")


def _rounding(weight: Tensor, type_name: str) -> Tensor:
    """How far storing as this type may move each number."""
    if type_name == "F32":
        return torch.zeros_like(weight)
    if type_name == "F16":
        return weight.abs() * 2**-11 + 2**-25
    # a step is the block's largest number by 127, itself rounded to fp16: half a step, and 127 times that rounding
    blocks = weight.abs().view(len(weight), -1, 32)
    largest = blocks.amax(-1, keepdim=True).expand_as(blocks).reshape(weight.shape)
    return largest * (0.5 / 127 + 2**-10) + 2**-17


def _differs(what: str) -> OutputError:
    return OutputError(f"The GGUF file was not kept, as it is not the model: {what}; please report it as a bug of picochat.")
