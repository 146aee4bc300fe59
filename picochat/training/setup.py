"""From settings to a run that can start: read, split, tokenize, build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from picochat.errors import ConfigError
from picochat.model.device import resolve_device
from picochat.runs import check_free
from picochat.text.tokenizer import Tokenizer
from picochat.training.config import TrainConfig
from picochat.training.distributed import ALONE, World, joined
from picochat.training.material import read_material
from picochat.training.reporting import Reporter, SampleWriter, Silent
from picochat.training.run import RunFolder
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

    Arguments and errors are those of `prepare`.
    """
    with joined(resolve_device(config.device)) as world:
        trainer = prepare(config, force=force, resume=resume, save=save, reporter=reporter, sample=sample, world=world)
        try:
            return trainer.fit()
        finally:
            if trainer.run:
                trainer.run.unlock()


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
    run = RunFolder.open(config.out, note=reporter.note) if resume else None
    if run and save:
        run.lock()
    state = run.read_state() if run else None
    if config.out and save and not resume:
        check_free(config.out, force=force)
    material = read_material(config, Tokenizer.from_json(state["tokenizer"]) if state else None)
    shape = config.model_config_for(material.tokenizer.vocab_size)
    reporter.note(f"{material.describe}; {shape.architecture} network of {shape.parameters / 1e6:.1f}M parameters.")
    if not save:
        run = None
    elif run is None:
        run = RunFolder.create(config, shape, force=force, note=reporter.note)
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
        if trainer.finished:
            raise ConfigError(
                f"The run in {config.out} is finished ({trainer.clock.step} steps); "
                "go on with --steps, --epochs or --time, each of which is so much more."
            )
        if run:
            run.forget_after(trainer.clock.step)
            run.write_config(config)
        reporter.note(f"Resuming at step {trainer.clock.step}.")
    return trainer


def resumed_config(out: Path | None, changes: dict[str, Any]) -> TrainConfig:
    """The settings of a run to go on with: its own, with `changes` over them.

    A new `steps`, `epochs` or `time` takes the place of the run's old limit, and counts from where the run stands.
    """
    run = RunFolder.open(out)
    config = run.read_config()
    state = run.read_state()
    clock = state["clock"]
    limits = {name: changes[name] for name in ("steps", "epochs", "time") if name in changes}
    done = {
        "steps": clock["step"],
        "epochs": clock["tokens"] / max(1, state["facts"].get("train_tokens", 1)),
        "time": clock["elapsed"],
    }
    if limits:
        changes = {**changes, **dict.fromkeys(done), **{name: value + done[name] for name, value in limits.items()}}
    return config.changed(**{**changes, "out": run.path})
