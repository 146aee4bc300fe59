"""Everything a training run can be told, in one schema."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from time import strftime
from typing import Any, Literal

from pydantic import Field, ModelWrapValidatorHandler, field_validator, model_validator

from picochat.model.config import PRESETS as SIZES
from picochat.model.config import ModelConfig
from picochat.runs import RUNS
from picochat.schema import Duration, Schema
from picochat.training.preset import DEFAULT, preset_names, preset_settings
from picochat.training.settings_file import SettingsFile

SHAPE_FIELDS = (
    "architecture", "position", "layers", "heads", "kv_heads", "embedding", "feed_forward", "context", "tied", "dropout",
)  # fmt: skip

LIMITS = ("steps", "epochs", "time")
"""What ends a run; the first that is reached does."""

REPLACED = {"size": SHAPE_FIELDS, **dict.fromkeys(LIMITS, LIMITS)}
"""What a setting takes the place of when it is laid over others: a size that of a shape, a limit that of all limits."""

SECTIONS = {
    "data": "Data",
    "size": "Network",
    "steps": "Length and batch",
    "lr": "Optimizer",
    "val_fraction": "Evaluation",
    "device": "Machine",
    "preset": "Run",
}
"""The fields with which sections begin, for help and listings; the fields up to the next one belong to it."""


class TrainConfig(Schema):
    """Settings of one run; the ones left `None` follow from the rest, and those not given are the preset's."""

    data: Path = Field(
        description="Text to learn from: a .txt or .jsonl file (also .xz, .gz), a folder of them, or what prepare made."
    )
    tokenizer: str = Field("bpe", description="bpe, char, word, or the path of a finished tokenizer.json.")
    vocab_size: int | None = Field(None, ge=1, le=1_048_576, description="Tokens in the vocabulary; default by size.")
    batches: Literal["windows", "stride", "packed", "chat"] = Field(
        "windows",
        description="How text is cut into rows: windows (random), stride, packed (whole documents) or chat (answers only).",
    )
    stride: int | None = Field(None, ge=1, description="Tokens from a window to the next, for stride; default the context.")

    size: str = Field("micro", description="Size of the network: nano, micro, small, base, gpt2 or large.")
    architecture: Literal["gpt2", "llama", "qwen3"] | None = Field(None, description="Kind of network; default qwen3.")
    position: Literal["learned", "sinusoidal", "rope", "alibi"] | None = Field(
        None, description="Position encoding; default that of the architecture."
    )
    layers: int | None = Field(None, ge=1, le=512, description="Number of blocks; default by size.")
    heads: int | None = Field(None, ge=1, le=512, description="Attention heads; default by size.")
    kv_heads: int | None = Field(None, ge=1, le=512, description="Key and value heads; default as many as heads.")
    embedding: int | None = Field(None, ge=1, le=65_536, description="Width of the network; default by size.")
    feed_forward: int | None = Field(
        None, ge=1, le=262_144, description="Inner width of the feed-forward part; default by width."
    )
    context: int | None = Field(None, ge=2, le=1_048_576, description="Context window, in tokens; default by size.")
    dropout: float | None = Field(None, ge=0, lt=1, description="Dropout rate; default 0.")
    tied: bool | None = Field(None, description="Share the weights of the embedding and the head; default on.")
    init_from: Path | None = Field(None, description="Model to start from: its weights, tokenizer and shape.")
    allow_mismatch: bool = Field(False, description="Start from what fits of that model.")

    steps: int | None = Field(None, ge=1, description="Optimizer steps; with --resume, so many more.")
    epochs: float | None = Field(None, gt=0, description="Passes over the data; default 10.")
    time: Duration | None = Field(None, gt=0, description="Time to train for, such as 90s, 10m or 2h.")
    batch_size: int = Field(8, ge=1, description="Sequences taken at once, by all processes together.")
    accumulation: int = Field(1, ge=1, description="Batches whose gradients are added up for one step.")

    lr: float | None = Field(None, gt=0, description="Peak learning rate; default by optimizer and width.")
    schedule: Literal["cosine", "linear", "wsd"] = Field(
        "cosine", description="How the learning rate falls: cosine, linear, or wsd (late, in a straight line)."
    )
    decay: float = Field(0.5, gt=0, le=1, description="Share of the run in which it falls, for wsd.")
    min_lr: float = Field(0.1, ge=0, le=1, description="Learning rate at the end, as a share of the peak.")
    warmup: float = Field(0.05, ge=0, lt=1, description="Share of the run in which the learning rate rises.")
    optimizer: Literal["muon", "adamw"] = Field("muon", description="muon (with AdamW for what is no matrix) or adamw.")
    weight_decay: float | None = Field(None, ge=0, description="Decay of the weight matrices; default by optimizer.")
    clip: float = Field(1.0, ge=0, description="Largest gradient norm; 0 is no clipping.")

    val_fraction: float = Field(0.05, gt=0, lt=1, description="Share of the documents held out for validation.")
    eval_every: int | None = Field(None, ge=1, description="Steps between evaluations; default a twentieth of the run.")
    eval_batches: int = Field(20, ge=1, description="Batches of held-out text in an evaluation.")
    patience: int | None = Field(None, ge=1, description="End after so many evaluations without a better one.")
    sample_prompt: str | None = Field(
        None, description="Text to write on from at each evaluation; default a greeting, or nothing for plain text."
    )
    sample_tokens: int = Field(60, ge=0, le=100_000, description="Length of that sample; 0 writes none.")

    device: str = Field("auto", description="auto, cpu, cuda or mps.")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field("auto", description="Number format of the matrix products.")
    attention: Literal["auto", "torch", "blocks"] = Field(
        "auto", description="Way of attention: torch's own, or in blocks of queries; auto measures."
    )
    compile: Literal["auto", "on", "off"] = Field(
        "auto", description="Compile the network with torch.compile; auto does where it can and a long run pays for it."
    )
    checkpointing: bool = Field(False, description="Compute activations twice instead of keeping them: less memory, slower.")
    parallel: Literal["ddp", "fsdp"] = Field(
        "ddp", description="Under torchrun: ddp (each process holds the model) or fsdp (each holds a part of it)."
    )

    preset: str = Field(DEFAULT, description="Recipe that gives what is not given; `picochat config presets` lists them.")
    out: Path | None = Field(None, description="Run folder to write; default runs/<name with shape and time>.")
    seed: int = Field(0, ge=0, le=2**63 - 1, description="Seed of the weights, the data order and the split.")
    log: tuple[Literal["tensorboard", "wandb", "mlflow"], ...] = Field(
        (), description="Where else to log: tensorboard, wandb, mlflow."
    )
    keep_states: int = Field(2, ge=1, le=1000, description="Saved states to go on from, the newest ones.")
    keep: int = Field(8, ge=0, le=100_000, description="Earlier models to keep in the run folder, the best one aside.")
    weights_format: Literal["fp16", "bf16", "fp32"] = Field(
        "fp16", description="Number format of the weights in the model file; training itself keeps fp32."
    )

    @model_validator(mode="wrap")
    @classmethod
    def _begin_from_preset(cls, values: Any, validate: ModelWrapValidatorHandler[TrainConfig]) -> TrainConfig:
        """Lay what is given over the preset, which is thereby known wherever settings come from."""
        if not isinstance(values, dict):
            return validate(values)
        name = values.get("preset", DEFAULT)
        # another name is told about by the field's own check
        made = validate(laid_over(preset_settings(name), values) if name in preset_names() else values)
        # a plan may change what the preset says, and not what somebody has decided
        made.model_fields_set.intersection_update(values)
        return made

    @field_validator("preset")
    @classmethod
    def _check_preset(cls, name: str) -> str:
        return _one_of(preset_names(), name)

    @field_validator("size")
    @classmethod
    def _check_size(cls, name: str) -> str:
        return _one_of(SIZES, name)

    @field_validator("log", mode="before")
    @classmethod
    def _split_log(cls, value: Any) -> Any:
        """One name, or several with commas, as a command line has them."""
        return tuple(value.split(",")) if isinstance(value, str) else value

    @classmethod
    def checked(cls, values: dict[str, Any], *, place: Callable[[str], str] = lambda name: "") -> dict[str, Any]:
        """Some of the settings, with or without the data, as the types they have.

        Args:
            place: where a setting was given, see `parse`.

        Raises:
            ConfigError: one that does not exist or is out of bounds.
        """
        whole = cls.parse({"data": Path(), **values}, place=place)
        return {name: getattr(whole, name) for name in values}

    @classmethod
    def read(cls, path: Path) -> dict[str, Any]:
        """The settings that a YAML file gives; raises `ConfigError`, with the line."""
        file = SettingsFile.read(path)
        return cls.checked(file.values, place=file.place)

    def model_config_for(self, vocab_size: int | None) -> ModelConfig:
        """The network's shape for a vocabulary of that size, by default the size's.

        Raises:
            ConfigError: fields that don't fit together.
        """
        given = {name: getattr(self, name) for name in SHAPE_FIELDS}
        given["dim"] = given.pop("embedding")
        given["ff_dim"] = given.pop("feed_forward")
        return ModelConfig.create(preset=self.size, vocab_size=vocab_size, **given)

    def default_folder(self, shape: ModelConfig) -> Path:
        """Data, shape and time: runs/conv-l8-d512-c256-20261121-083000."""
        stem = self.data.name.split(".")[0] or "run"
        return RUNS / f"{stem}-l{shape.layers}-d{shape.dim}-c{shape.context}-{strftime('%Y%m%d-%H%M%S')}"

    def to_plain(self) -> dict[str, Any]:
        """All settings as plain numbers and strings, for YAML and checkpoints."""
        return self.model_dump(mode="json")


def laid_over(below: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The settings `given` over others: each takes its field's place, and what `REPLACED` says."""
    gone = {other for name, value in given.items() if value is not None for other in REPLACED.get(name, ())}
    return {name: value for name, value in below.items() if name not in gone} | given


def _one_of(names: Collection[str], name: str) -> str:
    if name not in names:
        raise ValueError(f"one of {', '.join(names)}")
    return name
