"""`config.json` of transformers and our `ModelConfig`, both ways.

Three classes of transformers hold what our network computes: `GPT2LMHeadModel`, `LlamaForCausalLM`, `Qwen3ForCausalLM`. What
they can do beyond it (other activations, stretched rotary positions, sliding windows, quantised weights) is refused by name.
"""

from __future__ import annotations

from typing import Any

from picochat.errors import CheckpointError, ConfigError
from picochat.model.config import ARCHITECTURES, ModelConfig

CLASSES = {"gpt2": "GPT2LMHeadModel", "llama": "LlamaForCausalLM", "qwen3": "Qwen3ForCausalLM"}

_SWITCHES: dict[str, dict[str, tuple[object, ...]]] = {
    # settings that change what is computed, and the values with which it is what we compute; the first is the default
    "gpt2": {
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
    },
    "llama": {"hidden_act": ("silu",)},
    "qwen3": {"hidden_act": ("silu",), "use_sliding_window": (False,), "attention_bias": (False,)},
}
_ACTIVATIONS = ("activation_function", "hidden_act")


def model_type(config: dict[str, Any], place: str) -> str:
    """The architecture of a `config.json`; raises `CheckpointError` for one that we don't have."""
    kind = config.get("model_type")
    if kind is None:
        raise CheckpointError(f"{place} is no model of transformers, as its config.json names no model_type; name another.")
    if kind not in CLASSES:
        raise CheckpointError(
            f"{place} is a model of the architecture {kind!r}, which picochat does not have; it reads {', '.join(CLASSES)}."
        )
    return str(kind)


def config_from_hf(config: dict[str, Any], place: str) -> ModelConfig:
    """Our shape for a `config.json`.

    Raises:
        CheckpointError: another architecture, a setting that picochat's network can't follow, or one missing or wrong.
    """
    kind = model_type(config, place)
    for name, values in _SWITCHES[kind].items():
        if config.get(name, values[0]) not in values:
            raise CheckpointError(
                f"{place} needs {name} = {config[name]!r}, which picochat's network can't do (it does {values[0]!r})."
            )
    if config.get("quantization_config"):
        raise CheckpointError(f"{place} holds quantised weights, which picochat doesn't read; take the full model.")
    if any(layer != "full_attention" for layer in config.get("layer_types") or ()):
        raise CheckpointError(f"{place} has layers of other kinds than full attention, which picochat's network lacks.")
    try:
        shape = _gpt2(config) if kind == "gpt2" else _llama(config, kind, place)
        return ModelConfig(**{**ARCHITECTURES[kind], "architecture": kind, **shape})
    except KeyError as error:
        raise CheckpointError(f"{place} is damaged: its config.json has no {error}.") from None
    except (ConfigError, TypeError, ValueError, ZeroDivisionError) as error:
        raise CheckpointError(f"{place} has a shape that can't be used: {error}") from None


def _gpt2(config: dict[str, Any]) -> dict[str, Any]:
    heads, dim = config["n_head"], config["n_embd"]
    return {
        "vocab_size": config["vocab_size"],
        "context": config.get("n_positions", 1024),
        "layers": config["n_layer"],
        "heads": heads,
        "kv_heads": heads,
        "dim": dim,
        "head_dim": dim // heads,
        "ff_dim": config.get("n_inner") or 4 * dim,
        "tied": bool(config.get("tie_word_embeddings", True)),
        "norm_eps": float(config.get("layer_norm_epsilon", 1e-5)),
    }


def _llama(config: dict[str, Any], kind: str, place: str) -> dict[str, Any]:
    heads, dim = config["num_attention_heads"], config["hidden_size"]
    wide = kind == "qwen3"
    return {
        "vocab_size": config["vocab_size"],
        "context": config.get("max_position_embeddings", 32768 if wide else 2048),
        "layers": config["num_hidden_layers"],
        "heads": heads,
        "kv_heads": config.get("num_key_value_heads", 32 if wide else None) or heads,
        "dim": dim,
        "head_dim": config.get("head_dim", 128 if wide else None) or dim // heads,
        "ff_dim": config["intermediate_size"],
        "tied": bool(config.get("tie_word_embeddings", False)),
        "norm_eps": float(config.get("rms_norm_eps", 1e-6)),
        "rope_theta": _rope_theta(config, place),
        # where only one of the two has biases, those of the other are zeros
        "bias": bool(config.get("attention_bias") or config.get("mlp_bias")),
    }


def _rope_theta(config: dict[str, Any], place: str) -> float:
    """The base of the rotary positions: newer files keep it, with what stretches them, in `rope_parameters`."""
    rope = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind not in ("default", None):
        raise CheckpointError(
            f"{place} stretches its rotary positions by the method {kind!r}, which picochat's network can't do."
        )
    for part in (rope, config):
        if float(part.get("partial_rotary_factor", 1.0)) != 1.0:
            raise CheckpointError(f"{place} rotates only a part of each head, which picochat's network can't do.")
    return float(rope.get("rope_theta", config.get("rope_theta", 10_000.0)))


def architecture_of(config: ModelConfig) -> str:
    """The architecture of transformers that holds this network, told by its switches.

    Raises:
        ConfigError: none does.
    """
    if config.position not in ("learned", "rope"):
        raise ConfigError(
            f"A model with {config.position} positions can't be exported: no stock class of transformers holds them; "
            "train one with learned or rotary positions."
        )
    for kind, switches in ARCHITECTURES.items():
        # LlamaForCausalLM can have biases as well
        names = [name for name in switches if name != "bias" or kind != "llama"]
        if all(getattr(config, name) == switches[name] for name in names):
            break
    else:
        raise ConfigError(
            f"A model with {config.norm}, {config.activation}, {config.position} positions"
            f"{', biases' if config.bias else ''}{', normalised queries and keys' if config.qk_norm else ''} "
            f"can't be exported: no stock class of transformers holds it; use the switches of {', '.join(ARCHITECTURES)}."
        )
    if kind == "gpt2" and (config.kv_heads != config.heads or config.head_dim * config.heads != config.dim):
        raise ConfigError("GPT-2 has as many key heads as heads, together as wide as the model; this one can't be exported.")
    return kind


def config_to_hf(config: ModelConfig, *, dtype: str, bos: int, eos: list[int]) -> dict[str, Any]:
    """The `config.json` for a network; raises `ConfigError` where no class of transformers holds it."""
    kind = architecture_of(config)
    common = {
        "architectures": [CLASSES[kind]],
        "model_type": kind,
        "vocab_size": config.vocab_size,
        "tie_word_embeddings": config.tied,
        "bos_token_id": bos,
        "eos_token_id": eos[0] if len(eos) == 1 else eos,
        "torch_dtype": dtype,
        "use_cache": True,
    }
    if kind == "gpt2":
        return common | {
            "n_positions": config.context,
            "n_embd": config.dim,
            "n_layer": config.layers,
            "n_head": config.heads,
            "n_inner": config.ff_dim,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": config.norm_eps,
            "resid_pdrop": config.dropout,
            "embd_pdrop": config.dropout,
            "attn_pdrop": config.dropout,
        }
    return common | {
        "max_position_embeddings": config.context,
        "hidden_size": config.dim,
        "intermediate_size": config.ff_dim,
        "num_hidden_layers": config.layers,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_eps,
        "attention_bias": config.bias,
        "attention_dropout": config.dropout,
        # versions before 5 read the first, later ones the second
        "rope_theta": config.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_theta},
        **({"mlp_bias": config.bias} if kind == "llama" else {}),
    }
