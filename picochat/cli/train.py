"""`picochat train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from picochat.cli.options import SectionedCommand, given, options_of
from picochat.cli.run_end import tell_end
from picochat.cli.terminal import has_screen
from picochat.errors import ConfigError
from picochat.inference.settings import MAX_TOKENS
from picochat.runs import check_free, resumable_run, run_folder
from picochat.training.config import SECTIONS, TrainConfig, laid_over

RUN = SECTIONS["preset"]
NEWEST = "auto"

OPTION_NAMES = {"data": ("--data", "--dataset"), "tied": ("--tied/--untied",), "device": ("--device", "-d")}
"""The options of `TrainConfig` that are not simply called as their fields."""

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="YAML file of settings, over the preset and under the options.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class TrainCommand(SectionedCommand):
    """The command, with a --resume whose value may be left out; Typer has no such options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words, a bare --resume as one with the value "auto"."""
        words = [
            f"{word}={NEWEST}" if word == "--resume" and after.startswith("-") else word
            for word, after in zip(args, [*args, "-"][1:], strict=True)
        ]
        return super().parse_args(ctx, words)


@app.command(cls=TrainCommand)
@options_of(TrainConfig, names=OPTION_NAMES, sections=SECTIONS)
def train(
    ctx: typer.Context,
    config: ConfigOption = None,
    resume: Annotated[
        str | None,
        typer.Option(
            "--resume",
            metavar="[RUN]",
            help="Go on with that run, or with the one in --out, or the newest one.",
            show_default=False,
            rich_help_panel=RUN,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a run that is already in --out.", rich_help_panel=RUN)
    ] = False,
    save: Annotated[bool, typer.Option("--save/--no-save", help="Write a run folder.", rich_help_panel=RUN)] = True,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow the run on the screen, as `picochat watch` does.", rich_help_panel=RUN)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what would be done, and why, and end.", rich_help_panel=RUN)
    ] = False,
    generate: Annotated[
        int,
        typer.Option(
            "--generate",
            min=0,
            max=MAX_TOKENS,
            help="Let the best model write so many tokens at the end.",
            rich_help_panel=RUN,
        ),
    ] = 0,
    **settings: Any,
) -> None:
    """Train a model on your own text, and keep the best one in a run folder.

    Without --steps, --epochs or --time, the text is read ten times; of several, the first reached ends the run. With --time,
    what is not given is planned for this machine, this text and that time. Else it is taken from the file of --config, then
    from the preset.
    """
    run = _run_to_resume(resume, config, settings) if resume is not None else _new_run(config, settings)
    if dry_run:
        if isinstance(run, Path):
            raise ConfigError("--dry-run plans a new run, and --resume goes on with an old one; leave one of them out.")
        from picochat.training.setup import plan_run

        print(plan_run(run).describe())
        return
    if watch:
        if not save:
            raise ConfigError("--watch follows the run folder, and --no-save writes none; leave one of them out.")
        raise typer.Exit(_watch(ctx, run, force=force))

    from picochat.cli.progress import TrainingProgress
    from picochat.inference.samples import write_sample
    from picochat.training.setup import resumed_config
    from picochat.training.setup import train as run_training

    wanted = resumed_config(run, TrainConfig.checked(given(**settings))) if isinstance(run, Path) else run
    wishes: dict[str, Any] = {"force": force, "resume": resume is not None, "save": save}
    with TrainingProgress() as progress:
        result = run_training(wanted, **wishes, reporter=progress, sample=write_sample)
    if result.best is not None:
        try:
            if generate and not result.interrupted:
                from picochat.cli.last_sample import write_at_end

                write_at_end(result.best, generate, wanted.sample_prompt, device=wanted.device, seed=wanted.seed)
        finally:  # whatever became of the text, there is a model
            tell_end(result.best, result.val_loss, result.val_bpb, stopped_at=result.step if result.interrupted else None)
    if result.interrupted:
        raise typer.Exit(128 + result.interrupted)


def settings_given(file: Path | None, options: dict[str, Any]) -> dict[str, Any]:
    """The settings that a user gave: options over a file; raises `ConfigError` for wrong ones."""
    return laid_over(TrainConfig.read(file) if file else {}, TrainConfig.checked(given(**options)))


def _new_run(file: Path | None, options: dict[str, Any]) -> TrainConfig:
    settings = settings_given(file, options)
    if "data" not in settings:
        raise ConfigError("train needs --data, the text to learn from; --resume goes on with an earlier run.")
    return TrainConfig.parse(settings)


def _run_to_resume(wanted: str, file: Path | None, options: dict[str, Any]) -> Path:
    """The folder of the run to go on with; raises `ConfigError` for what can't go with --resume."""
    for name, unwanted in (("config", file), ("preset", options["preset"])):
        if unwanted is not None:
            raise ConfigError(f"--resume goes on with the run's own settings, so --{name} can't go with it; leave one out.")
    out = options["out"]
    if wanted == NEWEST:
        return resumable_run(out)
    if out is not None:
        raise ConfigError(f"--resume {wanted} names the run already; leave --out out.")
    return resumable_run(run_folder(Path(wanted)))


def _watch(ctx: typer.Context, run: TrainConfig | Path, *, force: bool) -> int:
    """Do what was asked for in another process, and watch it; returns the exit code."""
    if isinstance(run, Path):
        folder, words = run, [f"--resume={run}"]
    else:
        folder = run.out or run.default_folder(run.model_config_for(run.vocab_size))
        check_free(folder, force=force)
        words = ["--out", str(folder)]
    if not has_screen():
        raise ConfigError("--watch needs a terminal to draw on; leave it out, and follow the run with `picochat watch`.")
    from picochat.cli.watched import train_watched

    return train_watched(folder, [*words, *_words(ctx, without=("out", "resume", "watch"))])


def _words(ctx: typer.Context, *, without: tuple[str, ...]) -> list[str]:
    """The options that were given, as they would be typed."""
    words: list[str] = []
    for parameter in ctx.command.params:
        value = ctx.params[parameter.name or ""]
        if parameter.name in without or value in (None, (), []) or value == parameter.default:
            continue
        option = (parameter.secondary_opts if value is False else parameter.opts)[0]
        if isinstance(value, bool):
            words.append(option)
        else:
            for each in value if isinstance(value, (list, tuple)) else [value]:
                words += [option, str(each)]
    return words
