"""Keys and values in 8 bits: a quarter of the memory, all of which a long conversation reads at every token.

Reading a prompt takes up to three times as long in the attention, as ONNX Runtime has slower kernels for that; so it pays
where there is something to remember.

Each layer has one step size for its keys and one for its values. Keys and values are nearly as large in any text, so what
they reach in a short one tells.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from picochat.model.config import ModelConfig

if TYPE_CHECKING:
    from picochat.checkpoint import Checkpoint

PROBE = (
    "Good morning! I slept badly, so I made a big pot of coffee and sat down by the window. It was raining, and the cat "
    "watched the drops run down the glass. What would you do on a day like this? Maybe read a book, or bake some bread."
)
"""A text to try a model on: where nothing of its own is at hand."""

LONG = 256
"""Context from which on 8 bits pay: a model of 11M parameters writes as fast with 64 tokens told, 10 to 20 % faster with 200
and 20 with 400, which it takes 90 to 100 ms instead of 70 to read (two cores of an EPYC)."""

MARGIN = 1.25
"""How much further than in the probe keys and values may reach before they are cut."""


def cache_steps(checkpoint: Checkpoint) -> npt.NDArray[np.float32]:
    """The sizes of a step of keys and of values, (layers, 2), for `write_onnx`."""
    import torch

    from picochat.model.cache import KVCache

    ids = [checkpoint.tokenizer.start_of_text, *checkpoint.tokenizer.encode(PROBE)][: checkpoint.config.context]
    held = KVCache(checkpoint.config)
    with torch.inference_mode():
        checkpoint.build()(torch.tensor([ids]), held)
    reach = torch.stack([part.abs().amax(dim=(1, 2, 3, 4)) for part in (held.keys, held.values)], dim=1)
    # what is always 0 needs a step all the same
    steps: npt.NDArray[np.float32] = (reach.clamp(min=1e-6) * MARGIN / 127).numpy()
    return steps


def pays(config: ModelConfig) -> bool:
    """Whether a model of this shape is quicker with small caches, and ONNX Runtime takes them."""
    return config.context >= LONG and runs_small_caches()


@cache
def runs_small_caches() -> bool:
    """Whether ONNX Runtime's CPU attention takes caches of 8 bits: it has done so since the summer of 2026."""
    import onnxruntime as ort
    from onnx import TensorProto, helper

    numbers = {"qkv": (TensorProto.FLOAT, [1, 1, 48]), "key": (TensorProto.INT8, [1, 1, 2, 16])}
    shapes = {
        **numbers,
        "value": numbers["key"],
        "last": (TensorProto.INT32, [1]),
        "total": (TensorProto.INT32, []),
        "step": (TensorProto.FLOAT, [1]),
    }
    names = ["qkv", "", "", "key", "value", "last", "total", *[""] * 5, "step", "step"]
    node = helper.make_node(
        "GroupQueryAttention", names, ["out", "keys", "values"], domain="com.microsoft",
        num_heads=1, kv_num_heads=1, kv_cache_bit_width=8, k_quant_type="PER_TENSOR", v_quant_type="PER_TENSOR",
    )  # fmt: skip
    inputs = [helper.make_tensor_value_info(name, *shape) for name, shape in shapes.items()]
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 1, 16])
    imports = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(helper.make_graph([node], "try", inputs, [output]), opset_imports=imports, ir_version=10)
    feed = {
        name: np.full(shape, name == "total", dtype=helper.tensor_dtype_to_np_dtype(kind))
        for name, (kind, shape) in shapes.items()
    }
    options = ort.SessionOptions()
    options.log_severity_level = 4
    try:
        ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, feed)
    except Exception:  # the library raises kinds of its own
        return False
    return True
