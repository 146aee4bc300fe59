"""From settings to a run that can start: read, split, tokenize, build."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from picochat.checkpoint import Checkpoint
from picochat.errors import CheckpointError, ConfigError
from picochat.interop.source import read_any
from picochat.model.config import ModelConfig
from picochat.model.device import resolve_device
from picochat.runs import check_free
from picochat.text.tokenizer import Tokenizer
from picochat.training.compute import choose_precision
from picochat.training.config import TrainConfig
from picochat.training.distributed import ALONE, World, joined
from picochat.training.hardware import device_memory
from picochat.training.journal import Journal
from picochat.training.launch import claim, is_of_this_launch, may_restart, restarts
from picochat.training.learner import Learner
from picochat.training.loggers.group import make_loggers
from picochat.training.machine import Machine
from picochat.training.material import Material, ShardData, TextData, make_tokenizer, open_data
from picochat.training.plan import Plan, make_plan
from picochat.training.probe import measure, seconds_each, will_compile
from picochat.training.reporting import Reporter, SampleWriter, Silent
from picochat.training.run import RunFolder
from picochat.training.shards import Shards
from picochat.training.trainer import Result, Trainer
from picochat.training.warm_start import inherited, inherited_shape, inherited_tokenizer, warm_start


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
    """Read the data and build the run that `config` describes; with a time, what was not given is planned for it.

    Args:
        force: replace a run that is already in the folder.
        resume: go on with the run in `config.out`, from its saved state.
        save: write a run folder.
        sample: lets the model write at each evaluation.
        world: the processes that train together; the first one writes the folder.

    Raises:
        PicochatError: data, settings or folder that can't be used.
    """
    if config.log and not save:
        raise ConfigError("--log writes to the run folder, and --no-save writes none; leave one of them out.")
    if not world.is_main:
        save, reporter = False, None
    journal = Journal(reporter or Silent())
    loggers = make_loggers(config.log if save else (), journal)
    resolve_device(config.device)
    if config.batch_size < world.size:
        raise ConfigError(
            f"{world.size} processes can't share a batch of {config.batch_size} sequences; give a larger --batch-size."
        )
    if config.parallel == "fsdp" and world.size > 1:
        _check_sharding(config, world)
    run = RunFolder.open(config.out, note=journal.note) if resume else None
    if run and save:
        run.lock()
    state = Shards(run.path).read(run.read_state()) if run else None
    if world.share(state["clock"]["step"] if state else 0) != (state["clock"]["step"] if state else 0):
        raise CheckpointError(f"The processes find different states in {config.out}; it must be one folder that all share.")
    if config.out and save and not resume:
        check_free(config.out, force=force)

    start = _Start.of(config, state)
    config = start.config
    if config.time and not state:
        if world.is_main:
            plan = _plan(start)
            journal.note(plan.describe())
            config = plan.config
        config = TrainConfig.parse(world.share(config.to_plain()))
    material = _read_together(start, config, world)
    shape = start.shape(config, material.tokenizer)
    journal.note(f"{material.describe}; {shape.architecture} network of {shape.parameters / 1e6:.1f}M parameters.")
    learner = Learner(config, shape, world=world, note=journal.note)
    if start.source:
        report = warm_start(learner.model, material.tokenizer, start.source, allow_mismatch=config.allow_mismatch)
        journal.note(report.describe())
    if not save:
        run = None
    elif run is None:
        run = RunFolder.create(config, shape, force=force, note=journal.note)
    if run:
        claim(run.path)
    trainer = Trainer(config, learner, material, run=run, reporter=journal, loggers=loggers, sample=sample)
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
        journal.note(f"Resuming at step {trainer.clock.step}.")
    return trainer


def plan_run(config: TrainConfig) -> Plan:
    """What `prepare` would do, measured but not begun; errors are the same."""
    return _plan(_Start.of(config, None))


@dataclass(frozen=True)
class _Start:
    """Where a run begins: its data, and the model whose shape, tokenizer and perhaps weights it takes over."""

    config: TrainConfig
    data: TextData | ShardData
    source: Checkpoint | None
    base: ModelConfig | None

    @classmethod
    def of(cls, config: TrainConfig, state: dict[str, Any] | None) -> _Start:
        if state:
            tokenizer = Tokenizer.from_json(state["tokenizer"])
            return cls(config, open_data(config, tokenizer, resuming=True), None, ModelConfig.from_dict(state["model"]))
        if config.init_from:
            source = read_any(config.init_from)
            config = inherited(config, source.config)
            return cls(config, open_data(config, inherited_tokenizer(config, source)), source, source.config)
        return cls(config, open_data(config), None, None)

    def shape(self, config: TrainConfig, tokenizer: Tokenizer) -> ModelConfig:
        """The network's, for that tokenizer."""
        if self.base:
            return inherited_shape(config, tokenizer.vocab_size, self.base)
        return config.model_config_for(tokenizer.vocab_size)


def _check_sharding(config: TrainConfig, world: World) -> None:
    """Raise `ConfigError` for what can't be done with a network that is shared out."""
    if config.precision == "fp16":
        raise ConfigError("--parallel fsdp does not train in fp16; take --precision bf16.")
    if config.batch_size % world.size:
        raise ConfigError(
            f"--parallel fsdp gives all processes as many sequences; take a --batch-size that {world.size} divides."
        )
    if config.init_from:
        raise ConfigError("--parallel fsdp can't start from another model; take --parallel ddp, or leave --init-from out.")


def _read_together(start: _Start, config: TrainConfig, world: World) -> Material:
    """The data, with the tokenizer that the first process has made of it.

    Raises:
        ConfigError: the processes have different data.
    """
    data = start.data
    if world.size > 1 and isinstance(data, TextData) and data.tokenizer is None:
        made = world.share(make_tokenizer(config, data.train).to_json() if world.is_main else "")
        data.tokenizer = Tokenizer.from_json(made)
    material = data.material(config)
    if world.share(material.facts) != material.facts:
        raise ConfigError(f"The processes find different data in {config.data}; give each of them the same.")
    return material


def _has_state(folder: Path) -> bool:
    try:
        return bool(RunFolder.open(folder).read_state())
    except CheckpointError:
        return False


def _plan(start: _Start) -> Plan:
    config = start.config
    device = resolve_device(config.device)
    # once, not again for each shape
    probing = config.changed(precision=choose_precision(device, config.precision)[0])
    look = partial(measure, probing, seconds=seconds_each(config.time or 60.0))
    machine = Machine(look, device.type, device_memory(device), will_compile(config))
    return make_plan(config, start.data.size(), machine, shape=start.base)


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
