"""Whether ONNX Runtime computes from a written graph what picochat computes, with caches and token by token."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from picochat.checkpoint import Checkpoint
from picochat.errors import ConfigError, OutputError
from picochat.interop.greedy import Logits, prompt_and_room, write_greedily
from picochat.interop.onnx import BITS, Precision, bits_of
from picochat.interop.quantise import quantise
from picochat.model.config import ModelConfig

TEXT = "Hello, world! It's 2026: na\u00efve caf\u00e9 \u20ac5, x = y*2"
TOLERANCE: dict[str, float] = {"fp32": 1e-4, "int8": 0.15, "int4": 0.15}
"""How far logits may be from picochat's with the weights as they are stored: the root of the mean square, in standard
deviations of the logits. Where weights are whole numbers, the kernels round what goes into each product to 8 bits too."""


@dataclass(frozen=True)
class OnnxCheck:
    """What was compared, and how it came out. Differences of logits are root mean squares, in standard deviations.

    Attributes:
        difference: from picochat's with the weights as they are stored.
        tolerance: the largest that was allowed.
        tokens: tokens written greedily.
        same: how many of them it chooses too.
        rounding: what storing the weights in fewer bits has changed.
    """

    difference: float
    tolerance: float
    tokens: int
    same: int
    rounding: float

    def __str__(self) -> str:
        rounding = f"; fewer bits moved them by {self.rounding:.2g}" if self.rounding else ""
        return (
            f"ONNX Runtime agrees: {self.same} of {self.tokens} greedy tokens, and logits within {self.difference:.2g} "
            f"standard deviations ({self.tolerance:g} allowed){rounding}"
        )


def check_onnx(checkpoint: Checkpoint, graph: Path, precision: Precision) -> OnnxCheck:
    """Compare a graph with the model that it was made from.

    Raises:
        ConfigError: ONNX Runtime is not installed.
        OutputError: it can't run the graph, or computes something else.
    """
    prompt, count = prompt_and_room(checkpoint, TEXT)
    stored = with_stored_weights(checkpoint, precision)
    ids, ours = write_greedily(stored, prompt, count)
    theirs = run_graph(graph, checkpoint.config, ids, len(prompt))
    spread = max(float(ours.std()), 1e-9)
    difference, tolerance = _distance(ours, theirs) / spread, TOLERANCE[precision]
    if not difference <= tolerance:
        raise _differs(f"its logits are {difference:.3g} standard deviations away, and {tolerance:g} are allowed")
    rounding = 0.0
    if precision in BITS:
        with torch.inference_mode():
            exact = checkpoint.build()(torch.tensor([ids]))[0].float().numpy()
        rounding = _distance(ours, exact) / spread
    same = int((ours.argmax(-1) == theirs.argmax(-1))[len(prompt) - 1 : -1].sum())
    return OnnxCheck(difference, tolerance, count, same, rounding)


def with_stored_weights(checkpoint: Checkpoint, precision: Precision) -> Checkpoint:
    """The model with its matrices as that precision stores them; a tied head is rounded, the embedding is not."""
    if precision not in BITS:
        return checkpoint
    config, weights = checkpoint.config, dict(checkpoint.weights)
    if config.tied:
        config, weights["head.weight"] = replace(config, tied=False), weights["embedding.weight"]
    for name, weight in weights.items():
        bits = bits_of(name, precision)
        if bits and weight.dim() == 2 and name not in ("embedding.weight", "positions.weight"):
            restored = quantise(weight.float().numpy(), bits).restored()
            weights[name] = torch.from_numpy(np.ascontiguousarray(restored))
    return replace(checkpoint, config=config, weights=weights)


def run_graph(graph: Path, config: ModelConfig, ids: list[int], together: int) -> Logits:
    """The (tokens, vocab_size) logits: the first tokens in one pass, each of the others in one of its own."""
    try:
        import onnxruntime
    except ImportError:
        raise ConfigError(
            "To check the graph picochat runs it with ONNX Runtime; run `pip install onnxruntime`, "
            "or leave the check out with --no-check."
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the library raises kinds of its own
        raise _differs(f"ONNX Runtime can't run it ({str(error).partition(chr(10))[0][:200]})") from None
    names = [each.name for each in session.get_inputs()]
    shape = (1, config.kv_heads, min(config.context, len(ids)), config.head_dim)
    caches = {name: np.zeros(shape, dtype=np.float32) for name in names if name.startswith("past_")}
    rows, first = [], 0
    for past in (together, *range(together + 1, len(ids) + 1)):
        feed = {
            "ids": np.array([ids[first:past]], dtype=np.int64),
            "last": np.array([past - 1], dtype=np.int32),
            "total": np.array(past, dtype=np.int32),
            "wanted": np.arange(past - first, dtype=np.int64),
            "places": np.arange(first, past, dtype=np.int64)[None],
        }
        logits, *present = session.run(None, {name: value for name, value in feed.items() if name in names} | caches)
        caches = dict(zip(caches, present, strict=True))
        rows.append(logits[0])
        first = past
    return np.concatenate(rows)


def _distance(one: Logits, other: Logits) -> float:
    return float(np.sqrt(np.square(one - other).mean()))


def _differs(what: str) -> OutputError:
    return OutputError(
        f"The ONNX graph was not kept, as it is not the model: {what}; please report it as a bug of picochat."
    )
