"""A model as an ONNX graph for ONNX Runtime's CPU kernels.

What the graph does in other ways than `GPT`, for speed:
- attention is one `GroupQueryAttention`: it rotates queries and keys, and appends to caches that are read and
  written in place when one buffer is bound as past and as present
- a residual sum and the norm after it are one `Skip...LayerNormalization`
- 8- and 4-bit weights are `MatMulNBits` with accuracy level 4: integer kernels, activations rounded to 8 bits on the way;
  the head never takes fewer than 8
- the head reads only the positions named by `wanted`: one at a prompt's end, all when a guess is checked

| input             | shape      | what                                                                |
|-------------------|------------|---------------------------------------------------------------------|
| ids               | (B, T)     | tokens                                                              |
| last              | (B)        | the place of each row's last token, counted from 0 (32 bits)        |
| total             | ()         | the longest row's length in tokens, past and new (32 bits)          |
| wanted            | (W)        | which of the T positions get logits                                 |
| places            | (B, T)     | each token's place; only with learned or sinusoidal positions       |
| past_key.I, past_value.I | (B, K, S, D) | caches of layer I, bound to present_key.I and present_value.I too |

The output `logits` is (B, W, vocab_size).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from picochat.errors import ConfigError
from picochat.interop.quantise import BLOCK, quantise
from picochat.model.config import ModelConfig

if TYPE_CHECKING:
    import onnx
    from torch import Tensor

Precision = Literal["fp32", "int8", "int4"]
BITS: dict[str, int] = {"int8": 8, "int4": 4}
HEADS = ("head.weight", "embedding.weight")
"""The matrix that makes logits; tied, it is the embedding's."""
Weights = Mapping[str, npt.NDArray[Any]]

CONTRIB = "com.microsoft"
OPSET = 21
"""The newest operators of the standard that the graph asks for; ONNX Runtime knows it since 1.18."""


def unsupported(config: ModelConfig) -> str:
    """Why the graph can't hold a network of this shape, in words; empty where it can."""
    if config.position == "alibi":
        return "ONNX Runtime's attention has no ALiBi"
    if config.qk_norm and config.norm != "rmsnorm":
        return "normalised queries and keys go with RMSNorm only"
    if config.head_dim % 8 or (config.position == "rope" and config.head_dim % 16):
        return f"ONNX Runtime's attention needs heads of a multiple of 16, not of {config.head_dim}"
    return ""


def bits_of(name: str, precision: str) -> int | None:
    """Bits of each weight of the matrix with that name; `None` where they are numbers of their own.

    The head takes 8 where the others take 4, as it does in files of llama.cpp (which takes 6): in a small model about half
    of what 4 bits lose is lost there, as nothing comes after it that could make up for it.
    """
    bits = BITS.get(precision)
    return 8 if bits and name in HEADS else bits


def arrays(weights: Mapping[str, Tensor]) -> dict[str, npt.NDArray[Any]]:
    """A model's weights for `write_onnx`: those of fp16 stay as they are; numpy has no bfloat16."""
    return {
        name: (tensor if str(tensor.dtype) == "torch.float16" else tensor.float()).numpy()
        for name, tensor in weights.items()
    }


def write_onnx(
    config: ModelConfig,
    weights: Weights,
    path: Path,
    precision: Precision = "fp32",
    cache_steps: npt.NDArray[np.float32] | None = None,
) -> None:
    """Write `path` with the graph, and beside it `path`.data with the weights.

    Args:
        weights: every saved weight of the `GPT`, by its name there, as fp32 or fp16.
        precision: what matrices are stored as; norms stay fp32, the embedding is stored as it comes.
        cache_steps: (layers, 2) the sizes of a step of keys and of values in caches of 8 bits; `None` keeps them as fp32.

    Raises:
        ConfigError: a shape that the graph can't hold.
    """
    import onnx

    if reason := unsupported(config):
        raise ConfigError(f"This model can't be written as ONNX: {reason}.")
    model = _Graph(config, weights, precision, cache_steps).model()
    data = path.with_name(path.name + ".data")
    data.unlink(missing_ok=True)  # the library appends
    onnx.save(model, path, save_as_external_data=True, location=data.name, size_threshold=1024)


class _Graph:
    """Builds the nodes one after the other; methods return the name of what they computed."""

    def __init__(
        self,
        config: ModelConfig,
        weights: Weights,
        precision: Precision,
        cache_steps: npt.NDArray[np.float32] | None,
    ) -> None:
        self.config = config
        self.weights = weights
        self.precision = precision
        self.cache_steps = cache_steps
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.constants: set[str] = set()
        self.count = 0

    def model(self) -> onnx.ModelProto:
        """The whole graph."""
        from onnx import TensorProto, helper

        config = self.config
        hidden = self._blocks(self._embed())
        wanted = self.node("Gather", [hidden, "wanted"], axis=1)
        head = "embedding.weight" if config.tied else "head.weight"
        self._linear(wanted, head, output="logits")
        cache: list[str | int | None] = ["B", config.kv_heads, "S", config.head_dim]
        numbers = TensorProto.FLOAT if self.cache_steps is None else TensorProto.INT8
        layers = range(config.layers)
        inputs = [
            helper.make_tensor_value_info("ids", TensorProto.INT64, ["B", "T"]),
            helper.make_tensor_value_info("last", TensorProto.INT32, ["B"]),
            helper.make_tensor_value_info("total", TensorProto.INT32, []),
            helper.make_tensor_value_info("wanted", TensorProto.INT64, ["W"]),
            *(
                [helper.make_tensor_value_info("places", TensorProto.INT64, ["B", "T"])]
                if config.position in ("learned", "sinusoidal")
                else []
            ),
            *(
                helper.make_tensor_value_info(f"past_{part}.{layer}", numbers, cache)
                for layer in layers
                for part in ("key", "value")
            ),
        ]
        outputs = [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", "W", config.vocab_size]),
            *(
                helper.make_tensor_value_info(f"present_{part}.{layer}", numbers, cache)
                for layer in layers
                for part in ("key", "value")
            ),
        ]
        graph = helper.make_graph(self.nodes, "picochat", inputs, outputs, self.initializers)
        imports = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
        return helper.make_model(graph, opset_imports=imports, ir_version=10, producer_name="picochat")

    # -- parts of the network -------------------------------------------------------------------------------------------

    def _embed(self) -> str:
        config = self.config
        x = self._gather("embedding.weight", self.weights["embedding.weight"], "ids")
        if config.position == "learned":
            x = self.node("Add", [x, self._gather("positions.weight", self.weights["positions.weight"], "places")])
        elif config.position == "sinusoidal":
            x = self.node("Add", [x, self._gather("waves", sinusoids(config.context, config.dim), "places")])
        return x

    def _gather(self, name: str, table: npt.NDArray[Any], ids: str) -> str:
        """Rows of a table, as fp32: a table of 16-bit numbers stays so in memory."""
        rows = self.node("Gather", [self.tensor(f"{name}.rows", table), ids], axis=0)
        return self.node("Cast", [rows], to=1) if table.dtype == np.float16 else rows

    def _blocks(self, x: str) -> str:
        config = self.config
        cos = sin = ""
        if config.position == "rope":
            tables = rope_tables(config.context, config.head_dim, config.rope_theta)
            cos, sin = (self.tensor(name, table) for name, table in zip(("cos", "sin"), tables, strict=True))
        branch = ""  # what is still to be added to the residual stream
        for layer in range(config.layers):
            name = f"blocks.{layer}"
            x, normed = self._add_norm(x, branch, f"{name}.norm1")
            branch = self._linear(self._attention(normed, layer, cos, sin), f"{name}.attention.out.weight")
            x, normed = self._add_norm(x, branch, f"{name}.norm2")
            branch = self._feed_forward(normed, f"{name}.feed_forward")
        return self._add_norm(x, branch, "norm")[1]

    def _add_norm(self, x: str, branch: str, name: str) -> tuple[str, str]:
        """The residual stream with `branch` added, and its norm."""
        config = self.config
        gain = self.weight(f"{name}.weight")
        if config.norm == "rmsnorm":
            parameters, operator = [gain], "SimplifiedLayerNormalization"
        else:
            bias = f"{name}.bias"
            zeros = np.zeros(config.dim, dtype=np.float32)
            parameters = [gain, self.weight(bias) if config.bias else self.tensor(bias, zeros)]
            operator = "LayerNormalization"
        if not branch:
            return x, self.node(operator, [x, *parameters], axis=-1, epsilon=config.norm_eps)
        normed, _, _, total = self.nodes_of(
            f"Skip{operator}", [x, branch, *parameters], 4, used=(0, 3), domain=CONTRIB, epsilon=config.norm_eps
        )
        return total, normed

    def _attention(self, x: str, layer: int, cos: str, sin: str) -> str:
        config = self.config
        name = f"blocks.{layer}.attention"
        caches = [f"past_key.{layer}", f"past_value.{layer}"]
        fused = self._linear(x, f"{name}.qkv.weight")
        states = self._normed_states(fused, name) if config.qk_norm else [fused, "", ""]
        steps: list[str] = []
        stored: dict[str, Any] = {}
        if self.cache_steps is not None:
            pair = zip(("key", "value"), self.cache_steps[layer], strict=True)
            # after places, bias and head sinks, which are not needed
            steps = ["", "", "", *(self.tensor(f"{name}.{part}_step", np.array([step])) for part, step in pair)]
            stored = {"kv_cache_bit_width": 8, "k_quant_type": "PER_TENSOR", "v_quant_type": "PER_TENSOR"}
        result = self.name()
        self._add(
            "GroupQueryAttention",
            [*states, *caches, "last", "total", cos, sin, *steps],
            [result, f"present_key.{layer}", f"present_value.{layer}"],
            domain=CONTRIB,
            num_heads=config.heads,
            kv_num_heads=config.kv_heads,
            do_rotary=int(config.position == "rope"),
            **stored,
        )
        return result

    def _normed_states(self, fused: str, name: str) -> list[str]:
        """Queries, keys and values from their fused product, the first two with each head normalised."""
        config = self.config
        heads = (config.heads, config.kv_heads)
        widths = [count * config.head_dim for count in (*heads, config.kv_heads)]
        parts = self.nodes_of("Split", [fused, self.constant("widths", widths)], 3, axis=-1)
        for index, (part, count) in enumerate(zip("qk", heads, strict=True)):
            split = self.node("Reshape", [parts[index], self.constant(f"{part}.heads", [0, 0, count, config.head_dim])])
            gain = self.weight(f"{name}.{part}_norm.weight")
            normed = self.node("SimplifiedLayerNormalization", [split, gain], axis=-1, epsilon=config.norm_eps)
            parts[index] = self.node("Reshape", [normed, self.constant(f"{part}.width", [0, 0, widths[index]])])
        return parts

    def _feed_forward(self, x: str, name: str) -> str:
        wide = self._linear(x, f"{name}.up.weight")
        if self.config.activation == "swiglu":
            gate, up = self.nodes_of("Split", [wide], 2, axis=-1, num_outputs=2)
            # QuickGelu is x times the sigmoid of alpha x: with 1 it is SiLU
            wide = self.node("Mul", [self.node("QuickGelu", [gate], domain=CONTRIB, alpha=1.0), up])
        else:
            wide = self.node("FastGelu", [wide], domain=CONTRIB)
        return self._linear(wide, f"{name}.down.weight")

    def _linear(self, x: str, name: str, output: str = "") -> str:
        """`x` times the transposed (N, K) weight, with its bias where there is one."""
        weight = self.weights[name]
        bias = name.removesuffix("weight") + "bias"
        output = output or self.name()
        bits = bits_of(name, self.precision)
        if bits is None:
            product = output if bias not in self.weights else self.name()
            self._add("MatMul", [x, self.tensor(name, np.ascontiguousarray(weight.T, dtype=np.float32))], [product])
            if product != output:
                self._add("Add", [product, self.weight(bias)], [output])
            return output
        packed = quantise(weight.astype(np.float32), bits)
        inputs = [x, self.tensor(name, packed.packed), self.tensor(f"{name}.scales", packed.scales.ravel())]
        if bias in self.weights:
            inputs += ["", "", self.weight(bias)]
        self._add(
            "MatMulNBits", inputs, [output], domain=CONTRIB,
            K=weight.shape[1], N=weight.shape[0], bits=bits, block_size=BLOCK, accuracy_level=4,
        )  # fmt: skip
        return output

    # -- nodes and tensors ----------------------------------------------------------------------------------------------

    def name(self) -> str:
        """A new name."""
        self.count += 1
        return f"t{self.count}"

    def tensor(self, name: str, values: npt.NDArray[Any]) -> str:
        """A constant of the graph."""
        from onnx import numpy_helper

        self.initializers.append(numpy_helper.from_array(values, name))
        return name

    def constant(self, name: str, values: Sequence[int]) -> str:
        """Whole numbers, the same wherever that name is asked for."""
        if name not in self.constants:
            self.constants.add(self.tensor(name, np.array(values, dtype=np.int64)))
        return name

    def weight(self, name: str) -> str:
        """A vector of the model, in fp32."""
        return self.tensor(name, self.weights[name].astype(np.float32))

    def node(self, operator: str, inputs: Sequence[str], *, domain: str = "", **attributes: Any) -> str:
        """A node of one output."""
        return self.nodes_of(operator, inputs, 1, domain=domain, **attributes)[0]

    def nodes_of(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: int,
        *,
        used: Sequence[int] | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> list[str]:
        """A node of several outputs, of which only those `used` have a name."""
        names = [self.name() if used is None or index in used else "" for index in range(outputs)]
        self._add(operator, inputs, names, domain=domain, **attributes)
        return names

    def _add(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], *, domain: str = "", **attributes: Any
    ) -> None:
        from onnx import helper

        self.nodes.append(helper.make_node(operator, inputs, outputs, domain=domain, **attributes))


def rope_tables(length: int, width: int, theta: float) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Cosines and sines of rotary positions, (length, width / 2) each: both halves of a head turn alike."""
    inverse = np.float32(theta) ** -(np.arange(0, width, 2, dtype=np.float32) / np.float32(width))
    angles = np.outer(np.arange(length, dtype=np.float32), inverse)
    return np.cos(angles), np.sin(angles)


def sinusoids(length: int, width: int) -> npt.NDArray[np.float32]:
    """The fixed waves of "Attention Is All You Need" (arXiv 1706.03762), (length, width)."""
    inverse = np.float32(10_000.0) ** -(np.arange(0, width, 2, dtype=np.float32) / np.float32(width))
    angles = np.outer(np.arange(length, dtype=np.float32), inverse)
    return np.stack((np.sin(angles), np.cos(angles)), axis=-1).reshape(length, -1)[:, :width]
