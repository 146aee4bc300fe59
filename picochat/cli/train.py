"""`picochat train`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from picochat.cli.options import given, option, parse_duration
from picochat.errors import ConfigError
from picochat.text.safe import printable
from picochat.training.config import TrainConfig

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def train(
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
    seed: Annotated[int | None, option(TrainConfig, "seed")] = None,
    device: Annotated[str | None, option(TrainConfig, "device", "--device", "-d")] = None,
    precision: Annotated[str | None, option(TrainConfig, "precision")] = None,
    weights_format: Annotated[str | None, option(TrainConfig, "weights_format")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, or the newest one.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a run that is already in --out.")] = False,
    save: Annotated[bool, typer.Option("--save/--no-save", help="Write a run folder.")] = True,
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
        eval_every=eval_every, eval_batches=eval_batches, seed=seed, device=device, precision=precision,
        weights_format=weights_format,
    )  # fmt: skip
    if data is None and not resume:
        raise ConfigError("train needs --data, the text to learn from; --resume goes on with an earlier run.")
    config = None if resume else TrainConfig.parse(values)

    from picochat.cli.progress import TrainingProgress
    from picochat.training.setup import prepare, resumed_config

    if config is None:
        config = resumed_config(out, values)
    with TrainingProgress() as progress:
        result = prepare(config, force=force, resume=resume, save=save, reporter=progress).fit()
    if result.best is not None:
        scores = f"validation loss {result.val_loss:.3f}, {result.val_bpb:.3f} bits per byte"
        print(printable(f"Best model: {result.best} ({scores})"), file=sys.stderr)
        if result.interrupted:
            again = f"picochat train --resume --out {shlex.quote(str(result.folder))}"
            print(printable(f"Stopped at step {result.step}; go on with: {again}"), file=sys.stderr)
        print(printable(f"picochat chat -m {shlex.quote(str(result.best))}"))
    if result.interrupted:
        raise typer.Exit(128 + result.interrupted)
