"""The shape of a network: `ModelConfig`, the architectures it can express, and the named presets.

An *architecture* is a set of switches that a stock transformers class can hold, so that every model can leave for
transformers, llama.cpp and Ollama. A *preset* is a size.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from picochat.errors import ConfigError

Architecture = Literal["gpt2", "llama", "qwen3"]
Norm = Literal["layernorm", "rmsnorm"]
Activation = Literal["gelu", "swiglu"]
Position = Literal["learned", "sinusoidal", "rope", "alibi"]

ARCHITECTURES: dict[str, dict[str, Any]] = {
    # what GPT2LMHeadModel holds: the classic, for teaching and import
    "gpt2": {"norm": "layernorm", "activation": "gelu", "position": "learned", "bias": True, "qk_norm": False},
    # what LlamaForCausalLM holds
    "llama": {"norm": "rmsnorm", "activation": "swiglu", "position": "rope", "bias": False, "qk_norm": False},
    # what Qwen3ForCausalLM holds: llama with normalised queries and keys, which trains stably at high learning rates
    "qwen3": {"norm": "rmsnorm", "activation": "swiglu", "position": "rope", "bias": False, "qk_norm": True},
}

PRESETS: dict[str, dict[str, Any]] = {
    # about 1M: a toy that trains in minutes anywhere
    "nano": {"layers": 4, "heads": 4, "dim": 128, "context": 256, "vocab_size": 2048},
    # about 8M: what a laptop CPU trains in two hours
    "micro": {"layers": 8, "heads": 4, "dim": 256, "context": 512, "vocab_size": 4096},
    # about 26M without the embedding
    "small": {"layers": 8, "heads": 8, "dim": 512, "context": 512, "vocab_size": 8192},
    # about 89M: a GPU, or a weekend
    "base": {"layers": 12, "heads": 12, "dim": 768, "context": 1024, "vocab_size": 8192},
    # GPT-2 small as published, 124M
    "gpt2": {
        "architecture": "gpt2", "layers": 12, "heads": 12, "dim": 768, "context": 1024, "vocab_size": 50257,
    },
    # about 350M
    "large": {"layers": 24, "heads": 16, "dim": 1024, "context": 1024, "vocab_size": 32768},
}  # fmt: skip

CHOICES: dict[str, tuple[str, ...]] = {
    "architecture": tuple(ARCHITECTURES),
    "norm": ("layernorm", "rmsnorm"),
    "activation": ("gelu", "swiglu"),
    "position": ("learned", "sinusoidal", "rope", "alibi"),
}
"""The values of fields that have only a few."""

BOUNDS: dict[str, tuple[int, int]] = {
    "vocab_size": (1, 1_048_576),
    "context": (1, 1_048_576),
    "layers": (1, 512),
    "heads": (1, 512),
    "kv_heads": (1, 512),
    "dim": (1, 65_536),
    "head_dim": (1, 4_096),
    "ff_dim": (1, 262_144),
}
"""Bounds of each whole number; the upper ones keep a damaged or hostile header from asking for terabytes."""


@dataclass(frozen=True)
class ModelConfig:
    """The shape of one network. Build it with `ModelConfig.create`, which fills in what follows from the rest."""

    vocab_size: int
    """Rows of the embedding: token ids run from 0 to `vocab_size - 1`."""
    context: int
    """The longest sequence, in tokens."""
    layers: int
    """Number of blocks."""
    heads: int
    """Query heads of each attention."""
    dim: int
    """Width of the residual stream."""
    kv_heads: int
    """Key and value heads; fewer than `heads` is grouped-query attention."""
    head_dim: int
    """Width of one head."""
    ff_dim: int
    """Inner width of the feed-forward part."""
    architecture: Architecture = "qwen3"
    """The model family, which sets the fields below that are not given."""
    norm: Norm = "rmsnorm"
    """Normalisation before each part of a block and before the head."""
    activation: Activation = "swiglu"
    """Activation of the feed-forward part."""
    position: Position = "rope"
    """How tokens know where they stand."""
    bias: bool = False
    """Biases in the linear layers and in LayerNorm."""
    qk_norm: bool = True
    """RMSNorm on each head's queries and keys before positions are applied."""
    tied: bool = True
    """The head shares the embedding's weights."""
    dropout: float = 0.0
    """Share of the activations that are left out in training."""
    rope_theta: float = 10_000.0
    """Base of the wavelengths of rotary positions."""
    norm_eps: float = 1e-6
    """Added to the variance before a norm divides by its root."""

    @classmethod
    def create(cls, *, preset: str = "micro", **overrides: Any) -> ModelConfig:
        """Return the preset's shape with `overrides` put over it; `None` values mean "not given".

        Raises:
            ConfigError: an unknown preset or field, or values that don't fit together.
        """
        if preset not in PRESETS:
            raise ConfigError(f"There is no preset '{preset}'; choose one of {', '.join(PRESETS)}.")
        given = {name: value for name, value in overrides.items() if value is not None}
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(given) - known):
            raise ConfigError(f"The model has no field '{unknown[0]}'; fields are {', '.join(sorted(known))}.")
        shape: dict[str, Any] = {"architecture": "qwen3", **PRESETS[preset], **given}
        _check_choice("architecture", shape["architecture"])
        shape = {**ARCHITECTURES[shape["architecture"]], **shape}
        heads, dim = shape["heads"], shape["dim"]
        if "head_dim" not in shape:
            if not isinstance(heads, int) or heads < 1 or dim % heads:
                raise ConfigError(
                    f"heads ({heads}) must divide the embedding width ({dim}); "
                    f"choose one of {', '.join(map(str, _divisors(dim)))}."
                )
            shape["head_dim"] = dim // heads
        shape.setdefault("kv_heads", heads)
        shape.setdefault("ff_dim", 4 * dim if shape["activation"] == "gelu" else _swiglu_width(dim))
        if shape["norm"] == "layernorm":
            shape.setdefault("norm_eps", 1e-5)
        return cls(**shape)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ModelConfig:
        """Rebuild a configuration from `to_dict`; raises `ConfigError` where fields are missing, unknown or wrong."""
        known = {field.name for field in fields(cls)}
        if wrong := sorted(set(values) ^ known):
            raise ConfigError(f"The model's description does not match this version of picochat (field '{wrong[0]}').")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain numbers and strings."""
        return asdict(self)

    def __post_init__(self) -> None:
        for name in CHOICES:
            _check_choice(name, getattr(self, name))
        for name, (low, high) in BOUNDS.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise ConfigError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
        for name in ("dropout", "rope_theta", "norm_eps"):
            if not isinstance(getattr(self, name), (int, float)):
                raise ConfigError(f"{name} must be a number, not {getattr(self, name)!r}.")
        if self.heads % self.kv_heads:
            raise ConfigError(f"kv_heads ({self.kv_heads}) must divide heads ({self.heads}).")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"dropout must be at least 0 and less than 1, not {self.dropout}.")
        if self.position == "rope" and self.head_dim % 2:
            raise ConfigError(f"Rotary positions need an even head width, not {self.head_dim}; change heads.")

    def parameter_table(self) -> dict[str, int]:
        """Parameters by part, counted from the shape alone; their sum is the model's size."""
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        attention = self.dim * (q + 2 * kv) + q * self.dim
        feed_forward = self.dim * self.ff_dim * (3 if self.activation == "swiglu" else 2)
        norm = self.dim * (2 if self.norm == "layernorm" and self.bias else 1)
        if self.bias:
            attention += q + 2 * kv + self.dim
            feed_forward += self.dim + self.ff_dim * (2 if self.activation == "swiglu" else 1)
        if self.qk_norm:
            attention += 2 * self.head_dim
        table = {"token embedding": self.vocab_size * self.dim}
        if self.position == "learned":
            table["position embedding"] = self.context * self.dim
        table["attention"] = self.layers * attention
        table["feed-forward"] = self.layers * feed_forward
        table["norms"] = (2 * self.layers + 1) * norm
        table["head"] = 0 if self.tied else self.vocab_size * self.dim
        return table

    @property
    def parameters(self) -> int:
        """Number of parameters; a tied head counts once."""
        return sum(self.parameter_table().values())

    def cache_bytes(self, bytes_per_value: int = 4) -> int:
        """Memory of a full key-value cache for one sequence."""
        return 2 * self.layers * self.kv_heads * self.head_dim * self.context * bytes_per_value


def _check_choice(name: str, value: object) -> None:
    if value not in CHOICES[name]:
        raise ConfigError(f"{name} must be one of {', '.join(CHOICES[name])}, not {value!r}.")


def _swiglu_width(dim: int) -> int:
    """Two thirds of 4 x dim, as Llama does, up to a multiple of 64 (wide kernels) or 8 (tiny models)."""
    step = 64 if dim >= 128 else 8
    return -(-8 * dim // 3 // step) * step


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, min(number, 64) + 1) if number % n == 0]
