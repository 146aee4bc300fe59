"""The slash commands about other answers, other checkpoints, and the run that they come from."""

from __future__ import annotations

from pathlib import Path

from picochat.chat.commands import Command, FrontEnd
from picochat.chat.comparison import compare, timeline
from picochat.chat.completion import as_path
from picochat.errors import PicochatError
from picochat.metrics import METRICS
from picochat.runs import RUNS, RunModel, newest_run, run_folder, run_models


def _compare(front_end: FrontEnd, argument: str) -> None:
    front_end.compare(compare(front_end.session, argument))


def _keep(front_end: FrontEnd, argument: str) -> None:
    comparison = front_end.comparison
    if comparison is None:
        raise PicochatError("There are no answers to choose from; /compare makes some.")
    kept = comparison.keep(comparison.column(argument))
    if comparison.question.entry is not None:
        front_end.conversation_changed()
    if kept is not None:
        front_end.say(f"The other answer is kept in conversation {kept}.")


def _timeline(front_end: FrontEnd, argument: str) -> None:
    named, _, rest = argument.partition(" ")
    if models := _models_in(named):
        text = rest.strip()
    else:
        models, text = run_models(_run_of(front_end)), argument
    labels = [(f"step {model.step:,}" if model.step is not None else model.path.name, model.path) for model in models]
    front_end.compare(timeline(front_end.session, labels, text))


def _watch(front_end: FrontEnd, argument: str) -> None:
    folder = as_path(argument) if argument else _run_of(front_end)
    if folder.exists() and not folder.is_dir():
        raise PicochatError(f"{folder} is a file; name the folder of a run.")
    front_end.watch(folder)


def _models_in(word: str) -> list[RunModel]:
    """The models of the run that the first word names; none where it is the beginning of what to ask."""
    try:
        return run_models(place) if word and (place := as_path(word)).exists() else []
    except OSError:  # too long for a name, or where nobody may look
        return []


def _run_of(front_end: FrontEnd) -> Path:
    """The run that the loaded model comes from, else the newest one."""
    engine = front_end.session.engine
    if engine is not None and (run_folder(engine.info.path) / METRICS).is_file():
        return run_folder(engine.info.path)
    folder = newest_run(METRICS)
    if folder is None:
        raise PicochatError(f"There is no run under {RUNS}/; name the folder of one.")
    return folder


RUN_COMMANDS = [
    Command(
        "compare",
        "Answer again beside the answer: /compare temperature=1.2 wild model=FILE",
        _compare,
        "[settings]",
        while_answering=False,
    ),
    Command(
        "keep", "Let an answer of the last comparison take the place of the first.", _keep, "number", while_answering=False
    ),
    Command(
        "timeline",
        "One question, answered by checkpoints of a run from early to late.",
        _timeline,
        "[run] [text]",
        while_answering=False,
    ),
    Command("watch", "Look at a training run while it goes on.", _watch, "[run]"),
]
