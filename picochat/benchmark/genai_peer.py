"""ONNX Runtime GenAI, on what its own builder makes of an exported folder."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from picochat.benchmark.hf_peer import exported
from picochat.benchmark.programs import SEED, TOP_K, Setup

BUILDER = "onnxruntime_genai.models.builder"


def prepare(setup: Setup) -> None:
    """Run the builder, with what it takes unless told otherwise."""
    folder = _folder(setup)
    if folder.exists():
        return
    cache = setup.folder / "genai-cache"
    source = exported(setup)
    places = ["-i", str(source), "-o", str(folder), "-c", str(cache)]
    before, sys.argv = sys.argv, [BUILDER, *places, "-p", setup.precision, "-e", "cpu"]
    try:
        runpy.run_module(BUILDER, run_name="__main__", alter_sys=True)
    finally:
        sys.argv = before


def open_writer(setup: Setup) -> GenaiWriter:
    """Load the model."""
    return GenaiWriter(_folder(setup), setup)


def _folder(setup: Setup) -> Path:
    return setup.folder / f"genai-{setup.precision}"


class GenaiWriter:
    """See `Writer`."""

    def __init__(self, folder: Path, setup: Setup) -> None:
        import onnxruntime_genai

        config = onnxruntime_genai.Config(str(folder))
        session = {"intra_op_num_threads": setup.threads}
        config.overlay(json.dumps({"model": {"decoder": {"session_options": session}}}))
        self._library: Any = onnxruntime_genai
        self.model: Any = onnxruntime_genai.Model(config)
        self.runtime = "ONNX Runtime"

    def write(self, prompt: Sequence[int], tokens: int, temperature: float, tell: Callable[[int], None]) -> None:
        """See `Writer.write`."""
        length = len(prompt) + tokens
        parameters = self._library.GeneratorParams(self.model)
        drawing = {"do_sample": True, "temperature": temperature, "top_k": TOP_K} if temperature else {"do_sample": False}
        # with that least length no end is drawn before
        parameters.set_search_options(max_length=length, min_length=length, random_seed=SEED, **drawing)
        generator = self._library.Generator(self.model, parameters)
        generator.append_tokens(list(prompt))
        for _ in range(tokens):
            generator.generate_next_token()
            tell(int(generator.get_next_tokens()[0]))
