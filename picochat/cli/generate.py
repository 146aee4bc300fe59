"""`picochat generate`."""

from __future__ import annotations

import json
import secrets
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from picochat.chat.footnote import tokens_per_second
from picochat.cli.options import (
    SAMPLING_NAMES,
    DeviceOption,
    DraftOption,
    ModelOption,
    PrecisionOption,
    ThreadsOption,
    given,
    options_of,
)
from picochat.errors import DataError
from picochat.inference.engine import Token
from picochat.inference.settings import SamplingSettings

DEFAULT_MAX_TOKENS = 100

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
@options_of(SamplingSettings, names=SAMPLING_NAMES)
def generate(
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", help="Text to answer or go on from; - is stdin, as a pipe is.", show_default=False),
    ] = None,
    model: ModelOption = None,
    draft: DraftOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    precision: PrecisionOption = "auto",
    greedy: Annotated[bool, typer.Option("--greedy", help="Always take the likeliest token.")] = False,
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, max=1000, help="How many texts to write.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each text.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Go on from the prompt as plain text, even with a model made for chat.")
    ] = False,
    **sampling: Any,
) -> None:
    """Write text from a prompt, to stdout.

    A model that learnt from conversations answers the prompt; one that learnt from plain text goes on from it. Without a
    prompt, a text begins from nothing.
    """
    wishes = given(**sampling) | ({"temperature": 0.0} if greedy else {})
    settings = SamplingSettings.parse({"max_tokens": DEFAULT_MAX_TOKENS, "seed": secrets.randbelow(2**31), **wishes})
    text = _read_prompt(prompt)

    from picochat.inference.engine import load_engine
    from picochat.inference.prompt import completion
    from picochat.interrupt import Interrupt
    from picochat.locations import default_model
    from picochat.text.safe import printable

    engine = load_engine(model or default_model(), device=device, threads=threads, precision=precision)
    if draft is not None and samples > 1:
        print("--draft speeds up a single text; several are written side by side without it.", file=sys.stderr)
    elif draft is not None:
        engine.use_draft(load_engine(draft, device=device, threads=threads, precision=precision))
    request = completion(engine, text, raw=raw)
    if request.cut:
        print(f"The prompt is longer than the window of {engine.context} tokens: only its end is seen.", file=sys.stderr)
    show = printable if sys.stdout.isatty() else str
    seeds = [((settings.seed or 0) + index) % 2**63 for index in range(samples)]
    with Interrupt() as interrupt:
        jobs = [request.job(settings.changed(seed=s), cancelled=interrupt) for s in seeds]
        tokens: list[Token] = []
        # one alone may guess ahead, several share each pass
        for index, token in _in_order(engine.run_many(jobs) if samples > 1 else ((0, t) for t in engine.run(jobs[0]))):
            if index and not tokens and not as_json:
                print("---")
            tokens.append(token)
            if not as_json:
                sys.stdout.write(show(token.text))
                sys.stdout.flush()
            if not token.stop:
                continue
            print(json.dumps(_summary(tokens, seeds[index])) if as_json else "", flush=True)
            if "seed" not in wishes and settings.temperature and not as_json:
                print(f"(seed {seeds[index]})", file=sys.stderr)
            if interrupt():
                break
            tokens = []
    if interrupt():
        raise typer.Exit(interrupt.exit_code)


def _in_order(records: Iterable[tuple[int, Token]]) -> Iterator[tuple[int, Token]]:
    """Records of several texts, one text after the other: at once for the text whose turn it is, and kept for the others."""
    kept: defaultdict[int, list[Token]] = defaultdict(list)
    turn = 0
    for index, token in records:
        kept[index].append(token)
        while kept[turn]:
            ready = kept.pop(turn)
            yield from ((turn, each) for each in ready)
            turn += ready[-1].stop is not None


def _read_prompt(prompt: str | None) -> str:
    piped = not sys.stdin.isatty() if sys.stdin else False
    if prompt != "-" and (prompt is not None or not piped):
        return prompt or ""
    try:
        return sys.stdin.read().rstrip("\n")
    except UnicodeDecodeError:
        raise DataError("The text on stdin is not UTF-8; convert it first.") from None


def _summary(tokens: list[Token], seed: int | None) -> dict[str, Any]:
    real = [token for token in tokens if token.id is not None]
    times = (real[-1].seconds, real[0].seconds) if real else (None, None)
    return {
        "text": "".join(token.text for token in tokens),
        "tokens": [{"id": token.id, "text": token.text, "logprob": token.logprob} for token in real],
        "stop_reason": tokens[-1].stop,
        "seed": seed,
        "tokens_per_second": round(tokens_per_second(len(real), *times), 1),
    }
