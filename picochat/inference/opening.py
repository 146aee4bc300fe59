"""Opening a model: which back end computes it, at which precision.

On a CPU that is ONNX Runtime where it holds the model, from a pack that is made once; torch is the reference, the way on
GPUs, and what is left where nothing else serves. Without a wish, the ways are measured once for each model and machine.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from picochat.errors import CheckpointError, ConfigError, DeviceError, OutputError, first_line
from picochat.inference.backend import Backend, ModelInfo
from picochat.inference.choice import Choice, gpu_likely, measure_rates, recall, remember
from picochat.inference.packs import Pack, PackStore, source_digest
from picochat.interop.onnx import Precision as Packed
from picochat.interop.onnx import unsupported
from picochat.interop.source import locate
from picochat.locations import packs
from picochat.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from picochat.checkpoint import Checkpoint
    from picochat.inference.onnx_backend import Runner

Precision = Literal["auto", "fp32", "bf16", "fp16", "int8", "int4"]
PRECISIONS: tuple[str, ...] = get_args(Precision)
PACKED: tuple[Packed, ...] = ("fp32", "int8", "int4")
"""What ONNX Runtime's CPU kernels compute well."""

CLOSE = 0.001
"""How much larger than the reference's the loss of an 8-bit model may be, for it to be chosen unasked."""

LARGE = 100_000_000
"""Parameters from which on an fp32 pack is not made just to be measured: it reads four times the bytes of an 8-bit one."""


def open_backend(
    path: str | Path, *, device: str = "auto", threads: int | None = None, precision: str = "auto"
) -> tuple[Backend, Tokenizer]:
    """Load a model file or run folder.

    Args:
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        threads: CPU threads; `None` finds out.
        precision: one of `PRECISIONS`; "auto" takes what is quickest here and answers as the reference does.

    Raises:
        CheckpointError: missing, damaged or foreign.
        ConfigError: a precision that this model or machine can't compute, or threads out of bounds.
        DeviceError: a device that is not here.
    """
    if precision not in PRECISIONS:
        raise ConfigError(f"There is no precision '{precision}'; choose one of {', '.join(PRECISIONS)}.")
    _check_threads(threads)
    source = _Source(locate(path))
    if precision in ("int8", "int4"):
        if device not in ("auto", "cpu"):
            raise ConfigError(f"Precision {precision} runs on the CPU only; leave --device out, or choose bf16.")
        return _open_pack(source, cast("Packed", precision), threads)
    if device not in ("auto", "cpu") or precision in ("bf16", "fp16") or not _has_runtime():
        return _open_torch(source, device, threads, precision)
    if precision == "fp32":
        if device == "auto" and gpu_likely():
            return _open_torch(source, device, threads, precision)
        return _open_or_fall_back(source, "fp32", threads)
    choice = recall(packs(), source.digest, device) or _choose(source, device)
    try:
        return _open_chosen(source, choice, threads)
    except DeviceError:  # a GPU that has gone since, or is full
        return _open_chosen(source, _choose(source, device), threads)


@dataclass
class _Source:
    """A model file, read when it is needed."""

    path: Path

    @cached_property
    def digest(self) -> str:
        """What is in it."""
        return source_digest(self.path, packs())

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The model; raises `CheckpointError`. Needs torch."""
        from picochat.interop.source import read_any

        return read_any(self.path)


def _open_torch(source: _Source, device: str, threads: int | None, precision: str) -> tuple[Backend, Tokenizer]:
    from picochat.inference.torch_backend import open_torch

    # what was read to make a pack is not read again: of some formats that takes long and much memory
    return open_torch(
        source.checkpoint, device=device, threads=threads, precision=None if precision == "auto" else precision
    )


def _open_chosen(source: _Source, choice: Choice, threads: int | None) -> tuple[Backend, Tokenizer]:
    if choice.runtime == "onnx":
        backend, tokenizer = _open_or_fall_back(source, cast("Packed", choice.precision), threads)
    else:
        backend, tokenizer = _open_torch(source, choice.device, threads, choice.precision)
    backend.info = replace(backend.info, measured=choice.rates)
    return backend, tokenizer


def _open_or_fall_back(source: _Source, precision: Packed, threads: int | None) -> tuple[Backend, Tokenizer]:
    """Open a pack, or the model with torch where there can be none."""
    try:
        return _open_pack(source, precision, threads)
    except (ConfigError, OutputError):
        return _open_torch(source, "cpu", threads, "auto")


def _open_pack(source: _Source, precision: Packed, threads: int | None) -> tuple[Backend, Tokenizer]:
    """Open a pack, making it if need be.

    Raises:
        ConfigError: ONNX Runtime is missing or doesn't work here, or can't hold the model.
        OutputError: there is no room for it.
        CheckpointError: the model is damaged.
    """
    if not _has_runtime():
        raise ConfigError(f"Precision {precision} needs ONNX Runtime; install the packages onnxruntime and onnx.")
    digest = source.digest
    try:
        from picochat.inference.onnx_backend import OnnxBackend

        runner = _runner(source, digest, precision, threads)
    except (ImportError, OSError) as error:  # a part of it that the system can't load
        raise ConfigError(
            f"Precision {precision} needs ONNX Runtime, which can't be loaded here ({first_line(error)}); "
            "install the packages onnxruntime and onnx anew."
        ) from None
    return OnnxBackend(runner, _info(source.path, runner.pack)), runner.pack.tokenizer


def _runner(source: _Source, digest: str, precision: Packed, threads: int | None) -> Runner:
    """What runs the pack; raises as `_open_pack` does, and what importing a library raises."""
    from picochat.inference.onnx_backend import Runner

    store = PackStore(packs())
    pack = store.find(digest, precision)
    if pack is not None:
        with contextlib.suppress(CheckpointError):  # a graph of another version of the library: made anew
            return Runner(pack, threads)
    if reason := unsupported(source.checkpoint.config):
        raise ConfigError(f"Precision {precision} is not to be had for this model: {reason}; choose fp32.")
    if pack is not None:
        store.discard(pack.folder)
    source.checkpoint.check()
    pack = store.make(digest, precision, source.checkpoint)
    try:
        return Runner(pack, threads)
    except CheckpointError as error:  # nothing is wrong with the model
        reason = str(error).rstrip(".")
        raise ConfigError(f"Precision {precision} is not to be had on this machine: {reason}; choose fp32.") from None


def _info(path: Path, pack: Pack) -> ModelInfo:
    return ModelInfo.of(
        pack.config, path, device="cpu", precision=pack.precision, training=pack.training, runtime="ONNX Runtime"
    )


def _choose(source: _Source, device: str) -> Choice:
    """Measure the ways to run a model here, and remember the quickest one that answers as the reference does.

    Where one had no room this time, on the disk or the GPU, the next start measures again.
    """
    roomy = True
    reference, tokenizer = _open_torch(source, "cpu", None, "fp32")
    ways: dict[tuple[str, str, str], Callable[[], Backend]] = {("torch", "cpu", "fp32"): lambda: reference}
    sizes: tuple[Packed, ...] = ("int8",) if source.checkpoint.config.parameters > LARGE else ("int8", "fp32")
    for precision in sizes:
        try:
            packed, _ = _open_pack(source, precision, None)
            if precision == "fp32" or difference(reference, packed, tokenizer) <= CLOSE:
                ways["onnx", "cpu", precision] = lambda packed=packed: packed  # type: ignore[misc]
        except ConfigError:
            pass
        except OutputError:
            roomy = False
    if device == "auto" and gpu_likely():
        try:
            gpu, _ = _open_torch(source, "auto", None, "auto")
            if gpu.info.device != "cpu":
                gpu.prefill((0,))  # a full GPU says so now
                ways["torch", gpu.info.device, gpu.info.precision] = lambda: gpu
        except DeviceError:
            roomy = False
    rates = measure_rates({way: opened() for way, opened in ways.items()})
    choice = Choice(*max(rates, key=lambda way: rates[way]), {" ".join(way): round(rate, 1) for way, rate in rates.items()})
    if roomy:
        remember(packs(), source.digest, device, choice)
    return choice


def difference(reference: Backend, other: Backend, tokenizer: Tokenizer) -> float:
    """How much larger the loss would be with the other one, as a share: on text that the reference itself had written.

    That is the mean Kullback-Leibler divergence of the next token over its mean entropy, on a short text in the form that
    the model learnt. The reference reads it in one pass, the other one token by token, as it would write: kernels for one
    row and for many may round in different ways.
    """
    import numpy as np

    from picochat.inference.sampling import log_softmax

    ids = _probe(reference, tokenizer)
    left = np.stack([log_softmax(row) for row in reference.read(ids)])
    right = np.stack([log_softmax(other.step(token)) for token in ids])
    for backend in (reference, other):
        backend.truncate(0)
    likely = np.exp(left)
    return float((likely * (left - right)).sum() / -(likely * left).sum())


def _probe(reference: Backend, tokenizer: Tokenizer) -> list[int]:
    """The tokens of a short text, or of a conversation with a model that learnt from conversations."""
    from picochat.text.chat_format import ChatFormat
    from picochat.text.sample import sample_talk

    talk = sample_talk()
    if reference.info.chats:
        ids = ChatFormat(tokenizer).render(talk).ids
    else:
        ids = [tokenizer.start_of_text, *tokenizer.encode("\n".join(message.content for message in talk))]
    return list(ids[: reference.info.context])


def _has_runtime() -> bool:
    return find_spec("onnxruntime") is not None and find_spec("onnx") is not None


def _check_threads(threads: int | None) -> None:
    cores = os.cpu_count() or 1
    if threads is not None and not 1 <= threads <= max(cores, 1):
        raise ConfigError(f"--threads {threads} is out of bounds; this machine has {cores} cores, so choose 1 to {cores}.")
