from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picochat import train
from picochat.checkpoint import load_checkpoint
from picochat.errors import ConfigError
from picochat.model.config import PRESETS as SIZES
from picochat.training.config import LIMITS, SECTIONS, SHAPE_FIELDS, TrainConfig, laid_over
from picochat.training.preset import DEFAULT, FOLDER, preset_names, preset_settings, preset_summary
from picochat.training.run import RunFolder

DATA = {"data": "my.txt"}


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# -- presets --------------------------------------------------------------------------------------------------------------


def test_a_plain_run_is_what_the_schema_says() -> None:
    plain = TrainConfig.parse(DATA)
    for name, field in TrainConfig.model_fields.items():
        if name != "data":
            assert getattr(plain, name) == field.default, name


def test_each_size_has_its_preset_and_the_default_comes_first() -> None:
    assert preset_names()[: 1 + len(SIZES)] == (DEFAULT, *SIZES)
    assert {path.stem for path in FOLDER.iterdir()} == set(preset_names())
    for size in SIZES:
        config = TrainConfig.parse({**DATA, "preset": size})
        assert (config.preset, config.size) == (size, size)
        assert (
            config.model_config_for(None).parameters
            == TrainConfig.parse({**DATA, "size": size}).model_config_for(None).parameters
        )


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_valid_and_says_what_it_is_for(name: str) -> None:
    config = TrainConfig.parse({**DATA, "preset": name})
    checked = TrainConfig.checked(preset_settings(name))
    assert {field: getattr(config, field) for field in checked} == checked
    assert config.model_config_for(config.vocab_size).parameters > 0
    assert "data" not in checked
    summary = preset_summary(name)
    assert summary.endswith(".")
    assert len(summary) < 110


def test_what_is_given_counts_before_the_preset() -> None:
    config = TrainConfig.parse({**DATA, "preset": "shakespeare", "lr": 0.01, "layers": 5})
    assert (config.tokenizer, config.lr, config.layers, config.embedding, config.steps) == ("char", 0.01, 5, 128, 140)


@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_takes_the_place_of_the_limits_below(limit: str) -> None:
    config = TrainConfig.parse({**DATA, "preset": "shakespeare", limit: 3})
    assert {name: getattr(config, name) for name in LIMITS} == {**dict.fromkeys(LIMITS), limit: 3}


def test_limits_given_together_stay_together() -> None:
    config = TrainConfig.parse({**DATA, "steps": 5, "epochs": 2, "time": "10m"})
    assert (config.steps, config.epochs, config.time) == (5, 2.0, 600.0)


def test_a_size_takes_the_place_of_the_shape_below() -> None:
    config = TrainConfig.parse({**DATA, "preset": "shakespeare", "size": "small", "heads": 4})
    assert {name: getattr(config, name) for name in SHAPE_FIELDS} == {**dict.fromkeys(SHAPE_FIELDS), "heads": 4}
    assert config.model_config_for(None).dim == SIZES["small"]["dim"]
    assert config.tokenizer == "char"


def test_options_over_a_file_over_a_preset(tmp_path: Path) -> None:
    file = TrainConfig.read(write(tmp_path / "a.yaml", "preset: shakespeare\nlr: 0.01\nbatch_size: 3\nsteps: 7\n"))
    config = TrainConfig.parse(laid_over(file, {**DATA, "batch_size": 5, "preset": "nano"}))
    assert (config.preset, config.lr, config.batch_size, config.steps, config.tokenizer) == ("nano", 0.01, 5, 7, "bpe")
    config = TrainConfig.parse(laid_over(file, {**DATA, "time": 60.0}))
    assert (config.preset, config.steps, config.time, config.layers) == ("shakespeare", None, 60.0, 2)


def test_the_python_interface_takes_presets_and_the_model_has_its_shape(plain_file: Path, tmp_path: Path) -> None:
    result = train(plain_file, preset="shakespeare", out=tmp_path / "run", steps=2, batch_size=2, device="cpu", layers=1)
    assert result.best is not None
    best = load_checkpoint(result.best)
    assert (best.config.layers, best.config.dim, best.config.context, best.tokenizer.kind) == (1, 128, 64, "char")


def test_settings_of_a_run_from_before_sizes_had_their_name_keep_their_shape() -> None:
    assert TrainConfig.parse({**DATA, "preset": "nano", "layers": None}).model_config_for(None).dim == SIZES["nano"]["dim"]


# -- files ----------------------------------------------------------------------------------------------------------------


def test_a_file_is_written_as_the_options_are_typed(tmp_path: Path) -> None:
    text = "data: my.txt\ntime: 2h\nlr: 3e-4\ncompile: on\ntied: no\nlog: wandb,mlflow\nsample_prompt: 5\nstride: null\n"
    assert TrainConfig.read(write(tmp_path / "a.yaml", text)) == {
        "data": Path("my.txt"), "time": 7200.0, "lr": 3e-4, "compile": "on", "tied": False, "log": ("wandb", "mlflow"),
        "sample_prompt": "5", "stride": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("steps: 5\nlayer: 3\n", "line 2: There is no setting 'layer'; did you mean 'layers'?"),
        ("batch-size: 3\n", "line 1: There is no setting 'batch-size'; did you mean 'batch_size'?"),
        ("5: 3\n", "line 1: There is no setting '5'; there are data, "),
        ("\n\nlayers: 0\n", "line 3: layers must be greater than or equal to 1, not '0'."),
        ("layers: 1000\n", "line 1: layers must be less than or equal to 512, not '1000'."),
        ("layers: many\n", "line 1: layers must be a valid integer, not 'many'."),
        ("layers: [1]\n", "line 1: layers must be a valid integer, not ['1']."),
        ("dropout: 1\n", "line 1: dropout must be less than 1, not '1'."),
        ("lr: .nan\n", "line 1: lr must be a valid number, not '.nan'."),
        ("time: soon\n", "line 1: time must be a time like 90s, 10m or 2h, not 'soon'."),
        ("precision: fp8\n", "line 1: precision must be 'auto', 'fp32', 'bf16' or 'fp16', not 'fp8'."),
        ("log: [paper]\n", "line 1: log must be 'tensorboard', 'wandb' or 'mlflow', not 'paper'."),
        ("size: giant\n", f"line 1: size must be one of {', '.join(SIZES)}, not 'giant'."),
        ("preset: giant\n", "line 1: preset must be one of default, nano, micro,"),
        ("preset: ../presets/nano\n", "line 1: preset must be one of default, nano, micro,"),
        ("preset: null\n", "line 1: preset must be a valid string, not None."),
        ("data: null\n", "line 1: data must be a valid path, not None."),
        ("tied: perhaps\n", "line 1: tied must be a valid boolean, not 'perhaps'."),
        (f"device: [{'x' * 5000}]\n", "line 1: device must be a valid string, not ['xxx"),
    ],
)
def test_a_mistake_is_told_with_file_line_field_and_bound(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path / "a.yaml", text)
    with pytest.raises(ConfigError) as error:
        TrainConfig.read(path)
    assert str(error.value).startswith(f"{path}, {says}")
    assert len(str(error.value)) < 1000


def test_values_of_any_depth_are_told_in_a_line(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{after}: &{after} [*{name}, *{name}]\n"
        for name, after in zip("abcdefghijklmnopqrstu", "bcdefghijklmnopqrstuv", strict=True)
    )
    with pytest.raises(ConfigError) as error:
        TrainConfig.read(write(tmp_path / "a.yaml", f"{bomb}steps: *v\n"))
    assert len(str(error.value)) < 1000


SOME = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from(preset_names()),
        "size": st.sampled_from(list(SIZES)),
        "layers": st.none() | st.integers(1, 512),
        "tied": st.none() | st.booleans(),
        "steps": st.none() | st.integers(1, 10**9),
        "time": st.none() | st.floats(1e-9, 1e9, exclude_min=True),
        "lr": st.none() | st.floats(0, 1e3, exclude_min=True),
        "decay": st.floats(0, 1, exclude_min=True),
        "compile": st.sampled_from(["auto", "on", "off"]),
        "checkpointing": st.booleans(),
        "log": st.lists(st.sampled_from(["tensorboard", "wandb", "mlflow"])),
        "sample_prompt": st.none() | st.text(),
        "tokenizer": st.text(min_size=1),
        "device": st.sampled_from(["null", "~", "true", "1", "1e3", "2026-11-21", "a: b", "#", "'", ""]),
        "seed": st.integers(0, 2**63 - 1),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SOME)
def test_what_a_run_writes_is_read_again_as_the_same_settings(tmp_path: Path, some: dict[str, Any]) -> None:
    config = TrainConfig.parse({**DATA, **some})
    run = RunFolder(tmp_path)
    run.write_config(config)
    assert TrainConfig.parse(TrainConfig.read(tmp_path / "config.yaml")) == config
    assert run.read_config() == config


def test_sections_begin_at_fields_that_are_there_and_in_their_order() -> None:
    names = list(TrainConfig.model_fields)
    places = [names.index(name) for name in SECTIONS]
    assert places == sorted(places)
    assert places[0] == 0
