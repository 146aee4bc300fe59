"""The loss of a run as a picture, `loss.png`."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from picochat.errors import DataError
from picochat.files import atomic_write
from picochat.metrics import Evaluation, Record, RunHistory, RunLog, Series, number
from picochat.runs import CURVE
from picochat.text.safe import printable
from picochat.training.loggers.logger import Ending

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours, which the colour-blind tell apart too: https://jfly.uni-koeln.de/color
BLUE, VERMILLION = "#0072B2", "#D55E00"
WINDOW = 0.03
"""The smoothed loss at a step is the mean over this share of the run around it."""


def draw_curve(folder: Path) -> Path:
    """Draw the losses of the run in `folder` into its `loss.png`; returns that file.

    Training loss as it was and smoothed, validation loss with the best one marked; tokens on the upper axis.

    Raises:
        DataError: there are no metrics, or fewer than two steps in them.
        OutputError: the picture can't be written.
    """
    from matplotlib.figure import Figure

    log, history, tokens = RunLog(folder), RunHistory(), Series()
    records = log.poll()
    history.add(records)
    for record in records:
        if (seen := number(record, "tokens")) is not None and math.isfinite(seen):
            tokens.add(record["step"], seen)
    if len(history.losses.steps) < 2:
        raise DataError(f"There are no two steps to draw in {log.path}; name the folder of a run that has begun.")

    # no pyplot: it keeps figures in a global state and looks for a screen
    figure = Figure(figsize=(9, 5), dpi=130, layout="constrained")
    axes = figure.add_subplot()
    _draw_losses(axes, history.losses)
    _draw_evaluations(axes, [evaluation for evaluation in history.evaluations if math.isfinite(evaluation.val_loss)])
    _label(axes, printable(folder.resolve().name))
    axes.set_xlim(0, history.losses.steps[-1])
    if len(tokens.steps) > 1:
        _add_tokens(axes, tokens)
    path = folder / CURVE
    with warnings.catch_warnings(), atomic_write(path) as stream:
        # a name in letters that the font lacks is drawn as boxes
        warnings.simplefilter("ignore")
        figure.savefig(stream, format="png")
    return path


class CurveDrawer:
    """A `Logger` that draws the curve when the run ends."""

    name = CURVE

    def start(self, folder: Path, config: dict[str, Any], facts: dict[str, Any], step: int) -> str:
        """Remember where."""
        self._folder = folder
        return ""

    def log(self, record: Record) -> None:
        """Wait: it is all in metrics.jsonl."""

    def finish(self, ending: Ending) -> None:
        """Draw, unless the run is too short for a curve."""
        with contextlib.suppress(DataError):
            draw_curve(self._folder)


def smooth(values: Sequence[float], window: int) -> np.ndarray:
    """The mean of about `window` values around each one; what is not finite counts as missing, NaN where all is.

    At the start, where losses fall fast, as few before as after; at the end, which one wants to read, only those before.
    """
    given = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(given)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, given, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    places = np.arange(len(given))
    reach = np.minimum(places, window // 2)
    begin, end = places - reach, np.minimum(places + reach + 1, len(given))
    with np.errstate(invalid="ignore"):
        return np.asarray((sums[end] - sums[begin]) / (counts[end] - counts[begin]))


def _draw_losses(axes: Axes, losses: Series) -> None:
    steps, values = np.asarray(losses.steps), np.asarray(losses.values)
    values = np.where(np.isfinite(values), values, np.nan)
    window = max(1, round(WINDOW * len(steps)))
    if window > 2:
        axes.plot(steps, values, color=BLUE, alpha=0.25, linewidth=0.8)
    axes.plot(steps, smooth(losses.values, window), color=BLUE, linewidth=1.8, label="training")


def _draw_evaluations(axes: Axes, evaluations: list[Evaluation]) -> None:
    if not evaluations:
        return
    steps, values = [e.step for e in evaluations], [e.val_loss for e in evaluations]
    axes.plot(steps, values, color=VERMILLION, linewidth=1.8, marker="o", markersize=4, label="validation")
    best = min(evaluations, key=lambda evaluation: evaluation.val_loss)
    axes.plot(
        best.step, best.val_loss, color=VERMILLION, marker="*", markersize=16, markeredgecolor="white",
        linestyle="none", clip_on=False, zorder=5, label=f"best: {best.val_loss:.3f} at step {best.step:,}",
    )  # fmt: skip


def _label(axes: Axes, name: str) -> None:
    from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

    # a dollar sign in a name begins no formula
    axes.set_title(name, parse_math=False, loc="left", fontweight="bold")
    axes.set_xlabel("step")
    axes.set_ylabel("loss, nats per token")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    # the loss falls by a large part at once and by small ones ever after: a logarithm shows both
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=[1, 1.5, 2, 3, 4, 6, 8]))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.grid(color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper right")


def _add_tokens(axes: Axes, tokens: Series) -> None:
    """An upper axis; a run resumed with another batch size has no one number of tokens for a step, so points between."""
    from matplotlib.ticker import EngFormatter

    # a point beyond the end: marks are placed outside of the picture, too
    steps = np.asarray([0, *tokens.steps, 2 * tokens.steps[-1]], dtype=np.float64)
    seen = np.asarray([0, *tokens.values, 2 * tokens.values[-1]])

    def to_tokens(x: ArrayLike) -> ArrayLike:
        return np.asarray(np.interp(np.asarray(x), steps, seen))

    def to_steps(x: ArrayLike) -> ArrayLike:
        return np.asarray(np.interp(np.asarray(x), seen, steps))

    upper = axes.secondary_xaxis("top", functions=(to_tokens, to_steps))
    upper.set_xlabel("tokens")
    short = EngFormatter(sep="")
    short.ENG_PREFIXES = {**short.ENG_PREFIXES, 9: "B"}
    upper.xaxis.set_major_formatter(short)
    upper.spines["top"].set_color("0.8")
