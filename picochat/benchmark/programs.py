"""The programs that can be measured: picochat, and its peers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol, cast

from picochat.model.config import ModelConfig

TOP_K = 20
SEED = 1
"""How all of them draw, beside the temperature; the seeds give each another text, of the same length."""


@dataclass(frozen=True)
class Setup:
    """How a program runs a model.

    Attributes:
        model: the model file, as `-m` takes it.
        folder: where what a program needs is made from it, once; shared by all programs.
        window: tokens that must have room, prompt and answer together.
    """

    model: Path
    folder: Path
    precision: str
    threads: int
    window: int
    device: str


class Writer(Protocol):
    """A model loaded by some program."""

    runtime: str
    """What computes, for people."""

    def write(self, prompt: Sequence[int], tokens: int, temperature: float, tell: Callable[[int], None]) -> None:
        """Read the prompt, from nothing, and draw exactly so many tokens after it; `tell` gets each as soon as it is known.

        Temperature 0 takes the likeliest token.
        """


class ProgramModule(Protocol):
    """What the module of a program has. Both may raise anything: what fails is left out, and its reason told."""

    def prepare(self, setup: Setup) -> None:
        """Make what the program reads, under `setup.folder`, unless it is there."""

    def open_writer(self, setup: Setup) -> Writer:
        """Load the model."""


@dataclass(frozen=True)
class Program:
    """One program.

    Attributes:
        module: its file beside this one.
        imports: the module that must be there for it.
        package: what to install for that.
        bits: of each weight in a matrix at each precision that it knows, scales included.
        head: the same of the head, where it takes more.
        gpu: whether it runs on a GPU here.
    """

    module: str
    imports: str
    package: str
    bits: dict[str, float]
    head: dict[str, float] = field(default_factory=dict)
    gpu: bool = False

    def step_bytes(self, config: ModelConfig, precision: str) -> float:
        """Bytes of weights that one token reads.

        The head is read whole, tied or not; of a table of embeddings or positions only a row is.
        """
        table = config.parameter_table()
        body = (table["attention"] + table["feed-forward"]) * self.bits[precision]
        head = config.vocab_size * config.dim * self.head.get(precision, self.bits[precision])
        return (body + head) / 8 + table["norms"] * 4

    @property
    def installed(self) -> bool:
        """Whether it is there."""
        return find_spec(self.imports) is not None

    @property
    def version(self) -> str | None:
        """The version of its package; `None` where that is not known."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None

    def load(self) -> ProgramModule:
        """Its module."""
        return cast("ProgramModule", importlib.import_module(f"picochat.benchmark.{self.module}"))


OURS = "picochat"
PROGRAMS: dict[str, Program] = {
    # blocks of 32 weights with a scale: of 32 bits in ONNX Runtime's, of 16 in llama.cpp's Q8_0 and Q4_0, whose head is Q6_K
    OURS: Program(
        "own", "picochat", "picochat", {"fp32": 32, "bf16": 16, "fp16": 16, "int8": 9, "int4": 5}, {"int4": 9}, gpu=True
    ),
    "transformers": Program("hf_peer", "transformers", "transformers", {"fp32": 32, "bf16": 16}, gpu=True),
    "llama.cpp": Program(
        "llama_peer", "llama_cpp", "llama-cpp-python", {"fp32": 32, "fp16": 16, "int8": 8.5, "int4": 4.5}, {"int4": 6.5625}
    ),
    "onnxruntime-genai": Program("genai_peer", "onnxruntime_genai", "onnxruntime-genai", {"fp32": 32, "int8": 9, "int4": 5}),
}
PEERS = tuple(name for name in PROGRAMS if name != OURS)
