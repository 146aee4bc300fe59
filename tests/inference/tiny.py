"""Networks with drawn weights behind an engine, and a back end that counts its passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from picochat.inference.engine import Engine
from picochat.inference.torch_backend import TorchBackend
from tests.evaluation.tiny import tiny_engine


class Counting:
    """A back end that writes down what it is asked."""

    def __init__(self, backend: TorchBackend) -> None:
        self._backend = backend
        self.passes: list[tuple[str, int]] = []
        self.forks = self.twins = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def prefill(self, *arguments: Any) -> Any:
        self.passes.append(("prefill", len(arguments[-1])))
        return self._backend.prefill(*arguments)

    def step(self, token: int | Mapping[int, int]) -> Any:
        self.passes.append(("step", 1 if isinstance(token, int) else len(token)))
        return self._backend.step(token)  # type: ignore[arg-type]

    def read(self, ids: Sequence[int]) -> Any:
        self.passes.append(("read", len(ids)))
        return self._backend.read(ids)

    def fork(self, source: int, target: int) -> None:
        self.forks += 1
        self._backend.fork(source, target)  # type: ignore[attr-defined]

    def twin(self) -> TorchBackend:
        self.twins += 1
        return self._backend.twin()

    def lanes(self, count: int) -> Counting:
        self.opened = Counting(self._backend.lanes(count))  # type: ignore[arg-type]
        return self.opened


def counted(engine: Engine) -> Counting:
    """Count an engine's passes from now on."""
    counting = Counting(engine.backend)  # type: ignore[arg-type]
    engine.backend = counting
    return counting


__all__ = ["Counting", "counted", "tiny_engine"]
