"""llama.cpp, through llama-cpp-python, on a GGUF file."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from picochat.benchmark.programs import SEED, TOP_K, Setup
from picochat.errors import OutputError

KINDS = {"fp32": "f32", "fp16": "f16", "int8": "q8_0", "int4": "f32"}
"""What the file is written as; 4 bits are made of it by llama.cpp itself, as its users do (its head keeps 6)."""


def prepare(setup: Setup) -> None:
    """Write the file."""
    written = setup.folder / f"{KINDS[setup.precision]}.gguf"
    if not written.exists():
        from picochat.interop.gguf_write import write_gguf
        from picochat.interop.source import read_any

        write_gguf(read_any(setup.model), written, KINDS[setup.precision], check=False)
    if setup.precision == "int4" and not _file(setup).exists():
        _quantise(written, _file(setup))


def open_writer(setup: Setup) -> LlamaWriter:
    """Load the model."""
    return LlamaWriter(_file(setup), setup)


def _file(setup: Setup) -> Path:
    return setup.folder / ("q4_0.gguf" if setup.precision == "int4" else f"{KINDS[setup.precision]}.gguf")


def _quantise(source: Path, target: Path) -> None:
    import ctypes

    import llama_cpp

    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(parameters)):
        target.unlink(missing_ok=True)
        raise OutputError(f"llama.cpp could not make 4 bits of {source}.")


class LlamaWriter:
    """See `Writer`."""

    def __init__(self, path: Path, setup: Setup) -> None:
        import llama_cpp

        self.model: Any = llama_cpp.Llama(
            str(path), n_ctx=setup.window, n_threads=setup.threads, n_threads_batch=setup.threads, seed=SEED, verbose=False
        )
        self.runtime = "ggml"

    def write(self, prompt: Sequence[int], tokens: int, temperature: float, tell: Callable[[int], None]) -> None:
        """See `Writer.write`."""
        self.model.reset()  # else it would go on from what it still holds of the prompt
        drawn = self.model.generate(
            list(prompt), temp=temperature, top_k=TOP_K, top_p=1.0, min_p=0.0, repeat_penalty=1.0
        )  # it stops at no token by itself
        for token in itertools.islice(drawn, tokens):
            tell(token)
