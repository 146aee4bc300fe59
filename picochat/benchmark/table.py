"""The report for people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from picochat.benchmark.programs import OURS
from picochat.benchmark.report import Report


def table(report: Report) -> str:
    """The report as aligned lines."""
    columns = [(title, [show(row) for row in report.rows()]) for title, show in _COLUMNS]
    columns = [(title, cells) for title, cells in columns if any(cells)]
    widths = [max(len(text) for text in (title, *cells)) for title, cells in columns]
    # words on the left, numbers on the right
    lines = [
        "  ".join(f"{text:<{width}}" if place < _WORDS else f"{text:>{width}}" for place, (text, width) in enumerate(line))
        for line in (
            list(zip([title for title, _ in columns], widths, strict=True)),
            *(list(zip(cells, widths, strict=True)) for cells in zip(*(cells for _, cells in columns), strict=True)),
        )
    ]
    return "\n".join([*_heading(report), "", *(line.rstrip() for line in lines)])


def _heading(report: Report) -> list[str]:
    plan, machine = report.plan, report.machine
    rates = ", ".join(f"{rate / 1e9:.1f} GB/s with {_threads(count)}" for count, rate in sorted(report.memory.items()))
    lines = [
        f"{plan.model}: {plan.config.parameters / 1e6:.1f}M parameters; {plan.tokens} tokens written, "
        f"{plan.rounds} rounds in turns, medians",
        f"{machine['processor']}, {machine['cores']} cores; {', '.join(machine['versions'])}",
    ]
    if rates:
        lines.append(f"memory: {rates}")
    if report.reference is not None:
        lines.append(f"bits per byte of the reference: {report.reference:.4f}")
    return lines


def _threads(count: int) -> str:
    return f"{count} thread{'s' if count > 1 else ''}"


def _number(key: str, form: str, scale: float = 1.0) -> Callable[[dict[str, Any]], str]:
    return lambda row: "" if row[key] is None else format(row[key] * scale, form)


_WORDS = 2
"""Columns of words, which come first."""

_COLUMNS: tuple[tuple[str, Callable[[dict[str, Any]], str]], ...] = (
    ("program", lambda row: f"picochat, {row['runtime']}" if row["program"] == OURS else str(row["program"])),
    ("precision", lambda row: str(row["precision"])),
    ("threads", _number("threads", ".0f")),
    ("context", _number("context", ",.0f")),
    ("first ms", _number("first_token_seconds", ",.1f", 1000)),
    ("prefill tok/s", _number("prefill_tokens_per_second", ",.0f")),
    ("decode tok/s", _number("decode_tokens_per_second", ",.0f")),
    ("best", _number("best_decode_tokens_per_second", ",.0f")),
    ("GB/s", _number("gigabytes_per_second", ".1f")),
    ("of memory", _number("share_of_memory_rate", ".0%")),
    ("peak MB", _number("peak_memory_bytes", ",.0f", 1e-6)),
    ("bits/byte", _number("bits_per_byte", ".4f")),
    ("change %", _number("bits_per_byte_change_percent", "+.2f")),
)
