from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from picochat.errors import ConfigError
from picochat.model.config import ARCHITECTURES, PRESETS, ModelConfig
from picochat.model.gpt import GPT

MILLIONS = {"nano": 1, "micro": 8, "small": 30, "base": 92, "gpt2": 124, "large": 350}


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_have_the_size_their_documentation_says(preset: str) -> None:
    assert ModelConfig.create(preset=preset).parameters / 1e6 == pytest.approx(MILLIONS[preset], rel=0.2, abs=0.3)


@given(
    architecture=st.sampled_from(list(ARCHITECTURES)),
    position=st.sampled_from(["learned", "sinusoidal", "rope", "alibi"]),
    tied=st.booleans(),
    bias=st.booleans(),
    kv_heads=st.sampled_from([1, 2, 4]),
    layers=st.integers(1, 3),
)
def test_the_parameter_table_counts_what_the_network_has(architecture: str, **switches: object) -> None:
    config = ModelConfig.create(
        preset="nano", architecture=architecture, dim=32, heads=4, vocab_size=50, context=8, **switches
    )
    with torch.device("meta"):
        model = GPT(config)
    assert config.parameters == sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"heads": 3}, "must divide"),
        ({"heads": 0}, "must divide"),
        ({"layers": 0}, "layers must be"),
        ({"kv_heads": 3}, "kv_heads (3) must divide"),
        ({"dropout": 1.0}, "dropout"),
        ({"context": 2**40}, "context must be"),
        ({"architecture": "bert"}, "architecture must be one of"),
        ({"position": "polar"}, "position must be one of"),
        ({"layer": 2}, "no field 'layer'"),
        ({"head_dim": 7}, "even head width"),
    ],
)
def test_shapes_that_cannot_be_are_refused_in_words(changes: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        ModelConfig.create(preset="nano", **changes)
    assert says in str(error.value)


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="micro"):
        ModelConfig.create(preset="giant")


def test_a_config_survives_its_plain_form() -> None:
    config = ModelConfig.create(preset="small", kv_heads=2)
    assert ModelConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError):
        ModelConfig.from_dict({**config.to_dict(), "extra": 1})
