"""`picochat bench`."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from picochat.cli.options import DeviceOption, ModelOption
from picochat.errors import ConfigError
from picochat.text.safe import printable

T = TypeVar("T")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def bench(
    model: ModelOption = None,
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision",
            help="fp32, bf16, fp16, int8 or int4, or several with commas. Default: all that make sense here.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[
        str | None,
        typer.Option(
            "--threads", help="CPU threads, or several numbers with commas. Default: 1 and all.", show_default=False
        ),
    ] = None,
    context: Annotated[
        str | None,
        typer.Option(
            "--context", help="Tokens of the prompt, or several numbers with commas. Default: 64.", show_default=False
        ),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option("--tokens", min=2, help="Tokens to write. Default: 128.", show_default=False)
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, max=1000, help="How often each takes its turn.")] = 5,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            help="Other programs: transformers, llama.cpp, onnxruntime-genai, several with commas, or all.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Text to compare losses on. Default: a short conversation.", show_default=False),
    ] = None,
    device: DeviceOption = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and no table.")] = False,
) -> None:
    """Measure how fast a model runs here, and what fewer bits cost it.

    Each precision, number of threads and prompt length is measured in a process of its own, and all take turns; of the
    rounds the median counts. --against runs other programs on the same weights. Ctrl-C prints what there is so far. The last
    line is JSON.
    """
    from picochat.benchmark.plan import check_names, make_plan
    from picochat.benchmark.programs import PEERS
    from picochat.benchmark.sample import LIMIT, documents
    from picochat.locations import default_model

    precisions = _several("--precision", precision, str)
    programs = _several("--against", against, str)
    programs = list(PEERS) if programs == ["all"] else programs
    check_names(precisions, programs)
    counts, lengths = _several("--threads", threads, int), _several("--context", context, int)
    more = documents(data)[1]

    # torch takes a second to import: after what can be wrong without it
    from picochat.benchmark.run import new_report, run
    from picochat.benchmark.table import table
    from picochat.cli.meter import Meter
    from picochat.interop.source import locate, read_any
    from picochat.model.device import resolve_device

    path = locate(model or default_model())
    plan = make_plan(
        path, read_any(path).config, device=str(resolve_device(device)), precisions=precisions, threads=counts,
        contexts=lengths, tokens=tokens, rounds=rounds, against=programs, data=data,
    )  # fmt: skip
    report = new_report(plan)
    if more:
        report.notes.append(f"of {data} the first {LIMIT:,} characters or less are read")
    try:
        with Meter("bench") as meter:
            run(report, meter)
    except KeyboardInterrupt:
        report.notes.append("interrupted: the figures are of the rounds until then")
    for note in report.notes:
        print(printable(f"note: {note}"), file=sys.stderr)
    if not as_json:
        print(printable(table(report)), end="\n\n")
    print(json.dumps(report.to_dict()))
    if not report.finished:
        raise typer.Exit(130)


def _several(name: str, text: str | None, kind: Callable[[str], T]) -> list[T]:
    """What stands between commas; nothing where the option was not given."""
    if text is None:
        return []
    try:
        return [kind(part.strip()) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"{name} takes whole numbers with commas between, such as 1,2; it can't be '{text}'.") from None
