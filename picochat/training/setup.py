"""From settings to a run that can start: read, split, tokenize, build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from picochat.errors import CheckpointError, ConfigError
from picochat.model.device import resolve_device
from picochat.runs import check_free
from picochat.text.shards import is_shards
from picochat.text.tokenizer import Tokenizer
from picochat.training.config import TrainConfig
from picochat.training.distributed import ALONE, World, joined
from picochat.training.launch import claim, is_of_this_launch, may_restart, restarts
from picochat.training.material import Material, read_material
from picochat.training.reporting import Reporter, SampleWriter, Silent
from picochat.training.run import RunFolder
from picochat.training.shards import Shards
from picochat.training.trainer import Result, Trainer


def train(
    config: TrainConfig,
    *,
    force: bool = False,
    resume: bool = False,
    save: bool = True,
    reporter: Reporter | None = None,
    sample: SampleWriter | None = None,
) -> Result:
    """Do the run that `config` describes, with the other processes where torchrun has started some.

    Where torchrun has started them anew, because one had died, the run goes on from its last state. Arguments and errors
    are those of `prepare`.
    """
    with joined(resolve_device(config.device)) as world:
        if save and config.out is None and may_restart():
            raise ConfigError("A run that torchrun may restart must find its folder again; name it with --out.")
        # --force is meant for what was there before this launch
        if save and config.out and (restarts() or not force) and world.share(is_of_this_launch(config.out)):
            resume = world.share(_has_state(config.out))
            force = not resume
        trainer = prepare(config, force=force, resume=resume, save=save, reporter=reporter, sample=sample, world=world)
        return trainer.fit()


def prepare(
    config: TrainConfig,
    *,
    force: bool = False,
    resume: bool = False,
    save: bool = True,
    reporter: Reporter | None = None,
    sample: SampleWriter | None = None,
    world: World = ALONE,
) -> Trainer:
    """Read the data and build the run that `config` describes.

    Args:
        force: replace a run that is already in the folder.
        resume: go on with the run in `config.out`, from its saved state.
        save: write a run folder.
        sample: lets the model write at each evaluation.
        world: the processes that train together; the first one writes the folder.

    Raises:
        PicochatError: data, settings or folder that can't be used.
    """
    if not world.is_main:
        save, reporter = False, None
    reporter = reporter or Silent()
    resolve_device(config.device)
    if config.batch_size < world.size:
        raise ConfigError(
            f"{world.size} processes can't share a batch of {config.batch_size} sequences; give a larger --batch-size."
        )
    if config.parallel == "fsdp" and world.size > 1:
        if config.precision == "fp16":
            raise ConfigError("--parallel fsdp does not train in fp16; take --precision bf16.")
        if config.batch_size % world.size:
            raise ConfigError(
                f"--parallel fsdp gives all processes as many sequences; take a --batch-size that {world.size} divides."
            )
    run = RunFolder.open(config.out) if resume else None
    state = Shards(run.path).read(run.read_state()) if run else None
    if world.share(state["clock"]["step"] if state else 0) != (state["clock"]["step"] if state else 0):
        raise CheckpointError(f"The processes find different states in {config.out}; it must be one folder that all share.")
    if config.out and save and not resume:
        check_free(config.out, force=force)
    material = _read_together(config, Tokenizer.from_json(state["tokenizer"]) if state else None, world)
    shape = config.model_config_for(material.tokenizer.vocab_size)
    reporter.note(f"{material.describe}; {shape.architecture} network of {shape.parameters / 1e6:.1f}M parameters.")
    if not save:
        run = None
    elif run is None:
        run = RunFolder.create(config, shape, force=force)
    if run:
        claim(run.path)
    trainer = Trainer(
        config,
        material.tokenizer,
        material.train,
        material.held_out,
        run=run,
        facts=material.facts,
        reporter=reporter,
        sample=sample,
        world=world,
    )
    if state:
        trainer.restore(state)
        if trainer.finished and not restarts():
            raise ConfigError(
                f"The run in {config.out} is finished ({trainer.clock.step} steps); "
                "go on with --steps, --epochs or --time, each of which is so much more."
            )
        if run:
            run.forget_after(trainer.clock.step)
            run.write_config(config)
        reporter.note(f"Resuming at step {trainer.clock.step}.")
    return trainer


def _read_together(config: TrainConfig, tokenizer: Tokenizer | None, world: World) -> Material:
    """The data, with the tokenizer that the first process has made of it.

    Raises:
        ConfigError: the processes have different data.
    """
    if world.size > 1 and tokenizer is None and not is_shards(config.data):
        first = read_material(config) if world.is_main else None
        made = Tokenizer.from_json(world.share(first.tokenizer.to_json() if first else ""))
        material = first or read_material(config, made)
    else:
        material = read_material(config, tokenizer)
    if world.share(material.facts) != material.facts:
        raise ConfigError(f"The processes find different data in {config.data}; give each of them the same.")
    return material


def _has_state(folder: Path) -> bool:
    try:
        return bool(RunFolder.open(folder).read_state())
    except CheckpointError:
        return False


def resumed_config(out: Path | None, changes: dict[str, Any]) -> TrainConfig:
    """The settings of a run to go on with: its own, with `changes` over them.

    A new `steps`, `epochs` or `time` takes the place of the run's old limit, and counts from where the run stands.
    """
    run = RunFolder.open(out)
    config = run.read_config()
    state = run.read_state()
    clock = state["clock"]
    limits = {name: changes[name] for name in ("steps", "epochs", "time") if name in changes}
    if restarts() and is_of_this_launch(run.path):
        # torchrun has started this command before: what it asked for is in the run's settings
        changes = {name: value for name, value in changes.items() if name not in limits}
        limits = {}
    done = {
        "steps": clock["step"],
        "epochs": clock["tokens"] / max(1, state["facts"].get("train_tokens", 1)),
        "time": clock["elapsed"],
    }
    if limits:
        changes = {**changes, **dict.fromkeys(done), **{name: value + done[name] for name, value in limits.items()}}
    return config.changed(**{**changes, "out": run.path})
