"""`picochat watch`."""

from __future__ import annotations

import json
import math
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from picochat.cli.terminal import chosen_theme, has_screen
from picochat.errors import DataError
from picochat.metrics import METRICS, Evaluation, RunHistory, RunLog
from picochat.runs import RUNS, newest_run

app = typer.Typer(add_completion=False, rich_markup_mode=None)

POLL_SECONDS = 0.5


@app.command()
def watch(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Run folder. Default: the newest under runs/.", show_default=False)
    ] = None,
    plain: Annotated[bool, typer.Option("--plain", help="A line for each evaluation instead of the full screen.")] = False,
    once: Annotated[bool, typer.Option("--once", help="Print the current state and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the state, or each evaluation.")] = False,
) -> None:
    """Follow a training run on the screen.

    The run may be one that has not begun yet. A pipe or a dumb terminal gets a line for each evaluation, until the run ends.
    """
    folder = run or newest_run(METRICS)
    if folder is None:
        raise DataError(f"There is no run to watch under {RUNS}/; name its folder: picochat watch RUN.")
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file; name the folder of a run.")
    if once:
        _show_state(folder, as_json=as_json)
    elif plain or as_json or not has_screen():
        _follow(folder, as_json=as_json)
    else:
        from picochat.ui.watch_app import WatchApp

        screen = WatchApp(folder, theme=chosen_theme())
        screen.run()
        raise typer.Exit(screen.return_code or 0)


def _show_state(folder: Path, *, as_json: bool) -> None:
    from picochat.figures import describe_status, figures

    log, history = RunLog(folder), RunHistory()
    history.add(log.poll())
    if log.modified is None:
        raise DataError(f"There is no {METRICS} in {folder}; name the folder of a run that has begun.")
    state = history.state(log.modified, time.time())
    if as_json:
        _print_json({"run": str(folder), **asdict(state), "alive": state.alive})
        return
    rows = [("run", str(folder)), ("state", describe_status(state)), *figures(state)]
    for name, value in rows:
        print(f"{name:<10}  {value}")


def _follow(folder: Path, *, as_json: bool) -> None:
    from picochat.figures import describe_status

    log, history, waiting = RunLog(folder), RunHistory(), False
    while True:
        records = log.poll()
        if log.restarted:
            history = RunHistory()
            _note(f"{folder} was started again.")
        for evaluation in history.add(records):
            _show_evaluation(evaluation, as_json=as_json)
        state = history.state(log.modified, time.time())
        if not state.alive:
            _note(f"{folder}: {describe_status(state)}.")
            return
        if state.step is None and not waiting:
            waiting = True
            _note(f"Waiting for the run in {folder}; Ctrl-C leaves.")
        time.sleep(POLL_SECONDS)


def _show_evaluation(evaluation: Evaluation, *, as_json: bool) -> None:
    from picochat.figures import describe_evaluation
    from picochat.text.safe import printable

    # flushed: who reads a pipe wants a line when it comes
    if as_json:
        _print_json(evaluation._asdict())
        return
    print(describe_evaluation(evaluation), flush=True)
    if evaluation.sample:
        print(printable(evaluation.sample), flush=True)


def _print_json(fields: dict[str, Any]) -> None:
    # a loss that diverged is no number, and JSON has no word for it
    lost = {name for name, value in fields.items() if isinstance(value, float) and not math.isfinite(value)}
    print(json.dumps({**fields, **dict.fromkeys(lost)}), flush=True)


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
