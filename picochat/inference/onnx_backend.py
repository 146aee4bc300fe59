"""The CPU back end: ONNX Runtime on a pack, with no torch.

What makes it quick: the inputs of a step lie in arrays of our own that are bound once, the caches are written in place, and
only the numbers in those arrays change between tokens.
"""

from __future__ import annotations

import math
import mmap
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from picochat.errors import CheckpointError, ContextOverflowError, first_line
from picochat.inference.backend import ModelInfo
from picochat.inference.pace import Pace
from picochat.inference.packs import Pack
from picochat.model.config import ModelConfig

Rows = npt.NDArray[np.float32]

SMALL = 256 * 1024**2
"""Bytes of weights up to which a second session, of one thread, may stand by: it holds the weights once more."""

AWAKE = 1000
"""Microseconds that an idle thread stays awake for its next product: from one token to the next, as waking it up costs a
tenth of a small model's step, but not from one answer to the next. ONNX Runtime before 1.26 has a time of its own."""

_KEPT = 16
"""Tokens a pass up to which its binding is kept for the next one of that length: guesses are checked so."""

ort.set_default_logger_severity(3)  # what it warns of is of no use to who chats


class Runner:
    """The sessions of one pack, one for each number of threads worth trying.

    Args:
        threads: how many; `None` tries all cores and one, and goes on with what is quicker.

    Raises:
        CheckpointError: ONNX Runtime can't run the pack.
    """

    def __init__(self, pack: Pack, threads: int | None = None) -> None:
        self.pack = pack
        cores = _cores()
        small = pack.bytes <= SMALL
        self._threads = [threads] if threads else [cores, 1] if small and cores > 1 else [cores]
        self._sessions: dict[int, ort.InferenceSession] = {}
        self.pace = Pace(len(self._threads))
        self.session(self._threads[0])

    @property
    def threads(self) -> int:
        """Threads of the next step."""
        return self._threads[self.pace.way]

    @property
    def most_threads(self) -> int:
        """Threads of a pass over many tokens."""
        return self._threads[0]

    @property
    def cache_dtype(self) -> type[np.generic]:
        """What keys and values are kept as."""
        kinds = {each.name: each.type for each in self.session(self.most_threads).get_inputs()}
        return np.int8 if kinds["past_key.0"] == "tensor(int8)" else np.float32

    def session(self, threads: int) -> ort.InferenceSession:
        """The session of that many threads, made when it is first needed."""
        if threads not in self._sessions:
            options = ort.SessionOptions()
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
            options.log_severity_level = 3
            # the graph is fused as it is written: looking for more takes longer than it saves
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
            options.add_session_config_entry("session.intra_op.spin_duration_us", str(AWAKE))
            try:
                session = ort.InferenceSession(str(self.pack.graph), options, providers=["CPUExecutionProvider"])
            except Exception as error:  # the library raises kinds of its own
                raise CheckpointError(f"ONNX Runtime can't run {self.pack.graph} ({first_line(error)}).") from None
            self._sessions[threads] = session
        return self._sessions[threads]


class OnnxLanes:
    """See `Lanes`: each lane is a row of the caches."""

    def __init__(self, runner: Runner, count: int) -> None:
        self.count = count
        self.config = config = runner.pack.config
        self._runner = runner
        shape = (count, config.kv_heads, config.context, config.head_dim)
        dtype = runner.cache_dtype
        self._caches = {
            f"{part}.{layer}": _zeros(shape, dtype) for layer in range(config.layers) for part in ("key", "value")
        }
        self._lengths = [0] * count
        self._bindings: dict[tuple[int, int, int, int, int], _Binding] = {}

    def length(self, lane: int) -> int:
        """See `Lanes.length`."""
        return self._lengths[lane]

    def prefill(self, lane: int, ids: Sequence[int]) -> Rows:
        """See `Lanes.prefill`."""
        logits: Rows = self._pass(lane, ids, 1)[0]
        return logits

    def read(self, lane: int, ids: Sequence[int]) -> Rows:
        """The (len(ids), vocab_size) logits after each of the tokens."""
        return self._pass(lane, ids, len(ids))

    def step(self, tokens: Mapping[int, int]) -> Rows:
        """See `Lanes.step`."""
        rows = np.empty((len(tokens), self.config.vocab_size), dtype=np.float32)
        order = {lane: index for index, lane in enumerate(tokens)}
        for lane in tokens:
            self._check(lane, 1)
        for first, count in _runs(sorted(tokens)):
            lanes = range(first, first + count)
            binding = self._binding(first, count, 1, 1)
            binding.ids[:, 0] = [tokens[lane] for lane in lanes]
            rows[[order[lane] for lane in lanes]] = self._run(binding, lanes)
        return rows

    def truncate(self, lane: int, length: int) -> None:
        """See `Lanes.truncate`."""
        if not 0 <= length <= self._lengths[lane]:
            raise ValueError(f"cannot truncate a cache of {self._lengths[lane]} tokens to {length}")
        self._lengths[lane] = length

    def fork(self, source: int, target: int) -> None:
        """See `Lanes.fork`."""
        length = self._lengths[source]
        for cache in self._caches.values():
            cache[target, :, :length] = cache[source, :, :length]
        self._lengths[target] = length

    @property
    def bytes(self) -> int:
        """Memory of the caches, when they are full."""
        return sum(cache.nbytes for cache in self._caches.values())

    # -- inside -----------------------------------------------------------------------------------------------------------

    def _check(self, lane: int, new: int) -> None:
        if self._lengths[lane] + new > self.config.context:
            raise ContextOverflowError(
                f"{self._lengths[lane]} cached tokens and {new} new ones exceed the context of {self.config.context}."
            )

    def _pass(self, lane: int, ids: Sequence[int], wanted: int) -> Rows:
        self._check(lane, len(ids))
        binding = self._binding(lane, 1, len(ids), wanted)
        binding.ids[0] = ids
        return self._run(binding, range(lane, lane + 1))

    def _run(self, binding: _Binding, lanes: range) -> Rows:
        """One pass; returns the wanted logits of all lanes, (lanes x wanted, vocab_size)."""
        new = binding.ids.shape[1]
        starts = [self._lengths[lane] for lane in lanes]
        binding.last[:] = [start + new - 1 for start in starts]
        binding.total[...] = max(starts) + new
        if binding.places is not None:
            binding.places[:] = np.array(starts)[:, None] + np.arange(new)
        began = time.perf_counter()
        binding.run()
        if new == 1 and len(lanes) == 1:
            self._runner.pace.took(time.perf_counter() - began)
        for lane in lanes:
            self._lengths[lane] += new
        # a copy: the array is written again at the next step
        logits: Rows = binding.logits.reshape(-1, self.config.vocab_size).copy()
        return logits

    def _binding(self, first: int, lanes: int, new: int, wanted: int) -> _Binding:
        runner = self._runner
        # only what the pace is told of goes at it
        threads = runner.threads if new == lanes == 1 else runner.most_threads
        key = (threads, first, lanes, new, wanted)
        if (binding := self._bindings.get(key)) is None:
            caches = {name: cache[first : first + lanes] for name, cache in self._caches.items()}
            binding = _Binding(runner.session(threads), self.config, caches, new, wanted)
            if new <= _KEPT:
                self._bindings[key] = binding
        return binding


def _zeros(shape: tuple[int, ...], dtype: type[np.generic]) -> npt.NDArray[Any]:
    """Zeros that take memory only where they are written.

    NumPy asks the system for pages of 2 MB, and short conversations in many lanes would touch all of them: three times
    the memory of the whole program, and a tenth of a second before the first token.
    """
    private = {"flags": mmap.MAP_PRIVATE} if hasattr(mmap, "MAP_PRIVATE") else {}
    memory = mmap.mmap(-1, math.prod(shape) * np.dtype(dtype).itemsize, **private)
    return np.frombuffer(memory, dtype=dtype).reshape(shape)


class _Binding:
    """The inputs and outputs of a pass over `new` tokens in each of some lanes, in arrays that stay where they are."""

    def __init__(
        self, session: ort.InferenceSession, config: ModelConfig, caches: Mapping[str, Rows], new: int, wanted: int
    ) -> None:
        lanes = len(next(iter(caches.values())))
        self.ids = np.zeros((lanes, new), dtype=np.int64)
        self.last = np.zeros(lanes, dtype=np.int32)
        self.total = np.zeros((), dtype=np.int32)
        self.wanted = np.arange(new - wanted, new, dtype=np.int64)
        self.logits = np.zeros((lanes, wanted, config.vocab_size), dtype=np.float32)
        self.places: npt.NDArray[np.int64] | None = None
        inputs: dict[str, npt.NDArray[Any]] = {
            "ids": self.ids, "last": self.last, "total": self.total, "wanted": self.wanted,
        }  # fmt: skip
        if config.position in ("learned", "sinusoidal"):
            inputs["places"] = self.places = np.zeros((lanes, new), dtype=np.int64)
        outputs: dict[str, npt.NDArray[Any]] = {"logits": self.logits}
        for name, cache in caches.items():
            inputs[f"past_{name}"] = outputs[f"present_{name}"] = cache
        self._session = session
        self._binding = session.io_binding()
        for name, array in inputs.items():
            self._binding.bind_input(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        for name, array in outputs.items():
            self._binding.bind_output(name, "cpu", 0, array.dtype.type, array.shape, array.ctypes.data)
        self._held = (inputs, outputs)  # the library only knows where they are

    def run(self) -> None:
        """Compute the outputs from what lies in the inputs."""
        self._session.run_with_iobinding(self._binding)


class OnnxBackend:
    """A pack with a cache of one lane."""

    def __init__(self, runner: Runner, info: ModelInfo) -> None:
        self.info = info
        self._runner = runner
        self._lanes = OnnxLanes(runner, 1)

    @property
    def length(self) -> int:
        """Tokens in the cache."""
        return self._lanes.length(0)

    @property
    def cache_bytes(self) -> int:
        """See `Backend.cache_bytes`."""
        return self._lanes.bytes

    @property
    def threads(self) -> int:
        """Threads that a step takes at present."""
        return self._runner.threads

    def prefill(self, ids: Sequence[int]) -> Rows:
        """See `Backend.prefill`."""
        return self._lanes.prefill(0, ids)

    def step(self, token: int) -> Rows:
        """See `Backend.step`."""
        return self._lanes.prefill(0, (token,))

    def read(self, ids: Sequence[int]) -> Rows:
        """See `Backend.read`."""
        return self._lanes.read(0, ids)

    def truncate(self, length: int) -> None:
        """See `Backend.truncate`."""
        self._lanes.truncate(0, length)

    def twin(self) -> OnnxBackend:
        """See `Backend.twin`."""
        return OnnxBackend(self._runner, self.info)

    def lanes(self, count: int) -> OnnxLanes:
        """See `Backend.lanes`."""
        return OnnxLanes(self._runner, count)


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _runs(lanes: Sequence[int]) -> list[tuple[int, int]]:
    """The stretches of neighbours in ascending numbers: (first, count) each."""
    runs: list[tuple[int, int]] = []
    for lane in lanes:
        if runs and lane == sum(runs[-1]):
            runs[-1] = runs[-1][0], runs[-1][1] + 1
        else:
            runs.append((lane, 1))
    return runs
