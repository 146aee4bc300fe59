"""picochat itself, as a front end runs it: the engine's stream, drawing included."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from picochat.benchmark.programs import SEED, TOP_K, Setup
from picochat.inference.engine import Engine, load_engine
from picochat.inference.settings import SamplingSettings


def prepare(setup: Setup) -> None:
    """Make the pack, where the precision has one, so that none is made while something is measured."""
    _load(setup)


def open_writer(setup: Setup) -> OwnWriter:
    """Load the model."""
    return OwnWriter(_load(setup))


def _load(setup: Setup) -> Engine:
    return load_engine(setup.model, device=setup.device, threads=setup.threads, precision=setup.precision)


class OwnWriter:
    """See `Writer`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.runtime = engine.info.runtime
        # guessed tokens are read several at once: what a step takes would not show
        engine.speculate = False

    def write(self, prompt: Sequence[int], tokens: int, temperature: float, tell: Callable[[int], None]) -> None:
        """See `Writer.write`."""
        self.engine.forget()
        settings = SamplingSettings(temperature=temperature, top_k=TOP_K, max_tokens=tokens, seed=SEED)
        for token in self.engine.stream(prompt, settings):
            if token.id is not None:
                tell(token.id)
