"""The state of a run in words, for the screen and for plain lines; Textual is not needed for it."""

from __future__ import annotations

from picochat.metrics import LARGEST, Evaluation, RunState


def figures(state: RunState) -> list[tuple[str, str]]:
    """The state as names and short texts; what is not known is a dash."""
    best = f"{_decimal(state.best_val_loss)}, step {state.best_step:,}" if state.best_step is not None else "-"
    step = "-" if state.step is None else f"{state.step:,}"
    return [
        ("step", f"{step} of {state.steps:,}" if state.steps else step),
        ("tokens", "-" if state.tokens is None else f"{state.tokens:,}"),
        ("loss", _decimal(state.loss)),
        ("validation", _decimal(state.val_loss)),
        ("best", best),
        ("bits/byte", _decimal(state.best_val_bpb)),
        ("lr", "-" if state.lr is None else f"{state.lr:.3g}"),
        ("tokens/s", "-" if state.tokens_per_second is None else f"{state.tokens_per_second:,.0f}"),
        ("elapsed", clock(state.seconds)),
        ("left", clock(state.seconds_left)),
    ]


def describe_status(state: RunState) -> str:
    """The status in words."""
    since = f", last line {clock(state.silence)} ago" if state.silence is not None else ""
    return {
        "waiting": "waiting for the run",
        "training": "training",
        "finished": f"finished{since}",
        "stopped": f"stopped{since}",
        "silent": f"finished or stopped{since}",
    }[state.status]


def describe_evaluation(evaluation: Evaluation) -> str:
    """An evaluation in one line, without its sample."""
    bits = "" if evaluation.val_bpb is None else f", {_decimal(evaluation.val_bpb)} bits/byte"
    return f"step {evaluation.step:,}: validation loss {_decimal(evaluation.val_loss)}{bits}"


def clock(seconds: float | None) -> str:
    """Seconds as 1:02:03 or 2:03."""
    if seconds is None or not 0 <= seconds < LARGEST:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 1e5 else f"{value:.3g}"
