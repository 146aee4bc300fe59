"""`picochat train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from picochat.cli.options import given, option, parse_duration
from picochat.cli.run_end import tell_end
from picochat.cli.terminal import has_screen
from picochat.errors import ConfigError
from picochat.runs import check_free, resumable_run
from picochat.training.config import TrainConfig

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def train(
    ctx: typer.Context,
    data: Annotated[Path | None, option(TrainConfig, "data", "--data", "--dataset")] = None,
    out: Annotated[Path | None, option(TrainConfig, "out")] = None,
    preset: Annotated[str | None, option(TrainConfig, "preset")] = None,
    architecture: Annotated[str | None, option(TrainConfig, "architecture")] = None,
    position: Annotated[str | None, option(TrainConfig, "position")] = None,
    layers: Annotated[int | None, option(TrainConfig, "layers")] = None,
    heads: Annotated[int | None, option(TrainConfig, "heads")] = None,
    kv_heads: Annotated[int | None, option(TrainConfig, "kv_heads")] = None,
    embedding: Annotated[int | None, option(TrainConfig, "embedding")] = None,
    feed_forward: Annotated[int | None, option(TrainConfig, "feed_forward")] = None,
    context: Annotated[int | None, option(TrainConfig, "context")] = None,
    dropout: Annotated[float | None, option(TrainConfig, "dropout")] = None,
    tied: Annotated[bool | None, option(TrainConfig, "tied", "--tied/--untied")] = None,
    tokenizer: Annotated[str | None, option(TrainConfig, "tokenizer")] = None,
    vocab_size: Annotated[int | None, option(TrainConfig, "vocab_size")] = None,
    steps: Annotated[int | None, option(TrainConfig, "steps")] = None,
    epochs: Annotated[float | None, option(TrainConfig, "epochs")] = None,
    time: Annotated[str | None, option(TrainConfig, "time")] = None,
    batch_size: Annotated[int | None, option(TrainConfig, "batch_size")] = None,
    accumulation: Annotated[int | None, option(TrainConfig, "accumulation")] = None,
    lr: Annotated[float | None, option(TrainConfig, "lr")] = None,
    min_lr: Annotated[float | None, option(TrainConfig, "min_lr")] = None,
    warmup: Annotated[float | None, option(TrainConfig, "warmup")] = None,
    optimizer: Annotated[str | None, option(TrainConfig, "optimizer")] = None,
    weight_decay: Annotated[float | None, option(TrainConfig, "weight_decay")] = None,
    clip: Annotated[float | None, option(TrainConfig, "clip")] = None,
    val_fraction: Annotated[float | None, option(TrainConfig, "val_fraction")] = None,
    eval_every: Annotated[int | None, option(TrainConfig, "eval_every")] = None,
    eval_batches: Annotated[int | None, option(TrainConfig, "eval_batches")] = None,
    sample_prompt: Annotated[str | None, option(TrainConfig, "sample_prompt")] = None,
    sample_tokens: Annotated[int | None, option(TrainConfig, "sample_tokens")] = None,
    keep: Annotated[int | None, option(TrainConfig, "keep")] = None,
    seed: Annotated[int | None, option(TrainConfig, "seed")] = None,
    device: Annotated[str | None, option(TrainConfig, "device", "--device", "-d")] = None,
    precision: Annotated[str | None, option(TrainConfig, "precision")] = None,
    parallel: Annotated[str | None, option(TrainConfig, "parallel")] = None,
    attention: Annotated[str | None, option(TrainConfig, "attention")] = None,
    weights_format: Annotated[str | None, option(TrainConfig, "weights_format")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, or the newest one.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a run that is already in --out.")] = False,
    save: Annotated[bool, typer.Option("--save/--no-save", help="Write a run folder.")] = True,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the run on the screen, as `picochat watch` does.")] = False,
) -> None:
    """Train a model on your own text, and keep the best one in a run folder.

    Without --steps, --epochs or --time, the text is read ten times.
    """
    values = given(
        data=data, out=out, preset=preset, architecture=architecture, position=position, layers=layers, heads=heads,
        kv_heads=kv_heads, embedding=embedding, feed_forward=feed_forward, context=context, dropout=dropout, tied=tied,
        tokenizer=tokenizer, vocab_size=vocab_size, steps=steps, epochs=epochs,
        time=parse_duration(time) if time else None, batch_size=batch_size, accumulation=accumulation, lr=lr,
        min_lr=min_lr, warmup=warmup, optimizer=optimizer, weight_decay=weight_decay, clip=clip, val_fraction=val_fraction,
        eval_every=eval_every, eval_batches=eval_batches, sample_prompt=sample_prompt,
        sample_tokens=sample_tokens, keep=keep, seed=seed, device=device, precision=precision, attention=attention,
        weights_format=weights_format, parallel=parallel,
    )  # fmt: skip
    if data is None and not resume:
        raise ConfigError("train needs --data, the text to learn from; --resume goes on with an earlier run.")
    config = None if resume else TrainConfig.parse(values)
    if watch:
        if not save:
            raise ConfigError("--watch follows the run folder, and --no-save writes none; leave one of them out.")
        raise typer.Exit(_watch(ctx, resumable_run(out) if config is None else _new_folder(config, force=force)))

    from picochat.cli.progress import TrainingProgress
    from picochat.inference.samples import write_sample
    from picochat.training.setup import resumed_config
    from picochat.training.setup import train as run

    if config is None:
        config = resumed_config(out, values)
    with TrainingProgress() as progress:
        result = run(config, force=force, resume=resume, save=save, reporter=progress, sample=write_sample)
    if result.best is not None:
        tell_end(result.best, result.val_loss, result.val_bpb, stopped_at=result.step if result.interrupted else None)
    if result.interrupted:
        raise typer.Exit(128 + result.interrupted)


def _new_folder(config: TrainConfig, *, force: bool) -> Path:
    """The folder that a run will have; raises `OutputError` where it may not."""
    folder = config.out or config.default_folder(config.model_config_for(config.vocab_size))
    check_free(folder, force=force)
    return folder


def _watch(ctx: typer.Context, folder: Path) -> int:
    """Do what was asked for in another process, and watch it; returns the exit code."""
    if not has_screen():
        raise ConfigError("--watch needs a terminal to draw on; leave it out, and follow the run with `picochat watch`.")
    from picochat.cli.watched import train_watched

    return train_watched(folder, ["--out", str(folder), *_words(ctx, without=("out", "watch"))])


def _words(ctx: typer.Context, *, without: tuple[str, ...]) -> list[str]:
    """The options that were given, as they would be typed."""
    words: list[str] = []
    for parameter in ctx.command.params:
        value = ctx.params[parameter.name or ""]
        if parameter.name in without or value is None or value == parameter.default:
            continue
        words += [(parameter.secondary_opts if value is False else parameter.opts)[0]]
        if not isinstance(value, bool):
            words.append(str(value))
    return words
