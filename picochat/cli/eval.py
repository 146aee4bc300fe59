"""`picochat eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from picochat.cli.options import SAMPLING_NAMES, DeviceOption, ModelOption, ThreadsOption, given, options_of
from picochat.errors import ConfigError
from picochat.inference.settings import SamplingSettings

if TYPE_CHECKING:
    from picochat.evaluation.bits import Score
    from picochat.evaluation.copying import Copying
    from picochat.evaluation.sheet_run import Rate, SheetResult
    from picochat.inference.engine import Engine
    from picochat.text.corpus import Document

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command("eval")
@options_of(SamplingSettings, names=SAMPLING_NAMES, without=("max_tokens", "seed", "stop"))
def evaluate(
    model: ModelOption = None,
    data: Annotated[
        list[Path] | None,
        typer.Option("--data", help="Held-out text or conversations: a file or a folder. May be given again."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Prompts with checks, in YAML: how many answers pass.", show_default=False)
    ] = None,
    memorised: Annotated[
        Path | None,
        typer.Option(
            "--memorised", help="The training text: how much of the answers is copied from it.", show_default=False
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, help="Only the first so many documents of each --data.", show_default=False),
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, max=1000, help="How often to go through the sheet.")] = 5,
    failures: Annotated[bool, typer.Option("--failures", help="Print what went wrong in the sheet.")] = False,
    samples: Annotated[
        int, typer.Option("--samples", min=1, max=100_000, help="Texts to write for --memorised without a sheet.")
    ] = 100,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision",
            help="fp32, bf16, fp16, int8 or int4. Default: texts are read by PyTorch, answers written as in a chat.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    **sampling: Any,
) -> None:
    """Measure a model.

    --data: bits per byte and perplexity of a text, or of what is said in conversations; lower is better. --sheet: the share
    of prompts whose answers pass their checks. --memorised: how much of what the model writes, answering the sheet or the
    data, stands word for word in its training text.
    """
    if not data and not sheet:
        raise ConfigError("Nothing to measure: give --data FILE, --sheet FILE or both.")
    settings = SamplingSettings.parse(given(**sampling))
    # files are read before the model is: their mistakes should not take long to come out
    from picochat.evaluation.sheet import read_sheet
    from picochat.text.corpus import read_corpus

    questions = read_sheet(sheet) if sheet else None
    documents = [document for path in data or () for document in read_corpus(path)[:limit]]

    from picochat.evaluation.sheet_run import run_sheet
    from picochat.inference.engine import load_engine
    from picochat.locations import default_model

    path = model or default_model()
    engine = load_engine(path, device=device, threads=threads, precision=precision or "auto")
    report: dict[str, Any] = {
        "model": str(engine.info.path),
        "device": engine.info.device,
        "precision": engine.info.precision,
    }
    lines = [f"{engine.info.summary()}, {engine.info.device} {engine.info.precision}"]

    from picochat.cli.meter import Meter

    if documents:
        reader = engine if precision else _reference(path, device, threads)
        score = _score(reader, documents)
        report |= {"read_with": {"device": reader.info.device, "precision": reader.info.precision}, **score.to_dict()}
        lines += _score_lines(score)
    if questions or memorised:
        report["sampling"] = settings.model_dump(mode="json", exclude={"seed", "max_tokens", "stop"})
    answers: SheetResult | None = None
    if questions:
        with Meter("sheet") as meter:
            answers = run_sheet(engine, questions, settings, seeds=seeds, progress=meter)
        report["sheet"] = answers.to_dict() | ({"failures": [r.to_dict() for r in answers.failures]} if failures else {})
        lines += _sheet_lines(answers, failures=failures)
    if memorised:
        texts = answers.texts if answers else _write(engine, documents, settings, samples)
        copies = _copying(memorised, texts, documents, chats=engine.info.chats)
        report["memorised"] = {name: copying.to_dict() for name, copying in copies.items()}
        lines += _copying_lines(copies)

    from picochat.text.safe import printable

    print(json.dumps(report) if as_json else printable("\n".join(lines)))


def _reference(path: Path, device: str, threads: int | None) -> Engine:
    """The model computed by PyTorch, which reads many documents side by side."""
    from picochat.inference.engine import Engine
    from picochat.inference.torch_backend import open_torch

    return Engine(*open_torch(path, device=device, threads=threads, precision="fp32" if device == "cpu" else None))


def _score(engine: Engine, documents: list[Document]) -> Score:
    from picochat.cli.meter import Meter
    from picochat.evaluation.bits import score_documents
    from picochat.evaluation.scorer import scorer_of

    with Meter("bits per byte") as meter:
        return score_documents(engine, scorer_of(engine.backend), documents, meter)


def _write(engine: Engine, documents: list[Document], settings: SamplingSettings, samples: int) -> list[str]:
    from picochat.cli.meter import Meter
    from picochat.evaluation.writing import write_texts

    with Meter("writing") as meter:
        return write_texts(engine, documents, settings, count=samples, progress=meter)


def _copying(path: Path, texts: list[str], documents: list[Document], *, chats: bool) -> dict[str, Copying]:
    from picochat.evaluation.copying import Words, measure_copying, texts_to_compare
    from picochat.text.corpus import read_corpus

    training = Words(texts_to_compare(read_corpus(path)))
    copies = {"generated": measure_copying(texts, training)}
    if documents:
        # people's own words on the same subjects: they, too, say what has been said before
        copies["held_out"] = measure_copying(list(texts_to_compare(documents, answers_only=chats)), training)
    return copies


def _score_lines(score: Score) -> list[str]:
    tallies = {**(score.sources if len(score.sources) > 1 else {}), "assistant": score.assistant, "all": score.all}
    width = max(map(len, tallies))
    rows = [f"{'source':<{width}}  bits/byte  perplexity      tokens       bytes"]
    for name, tally in tallies.items():
        if tally.bits_per_byte is not None:
            perplexity = "-" if tally.perplexity is None else f"{tally.perplexity:,.2f}"
            figures = f"{tally.bits_per_byte:>9.4f}  {perplexity:>10}  {tally.tokens:>10,}  {tally.bytes:>10,}"
            rows.append(f"{name:<{width}}  {figures}")
    return ["", *rows]


def _sheet_lines(result: SheetResult, *, failures: bool) -> list[str]:
    tags, checks = result.by_tag(), result.by_check()
    width = max(map(len, ["runs that pass", *tags, *checks])) + 2

    def row(name: str, rate: Rate) -> str:
        return f"{name:<{width}}  {rate.passed:>6,} of {rate.of:>6,}  {rate.share:>6.1%}"

    lines = ["", row("runs that pass", result.overall)]
    for title, rates in (("by tag", tags), ("answers, by check", checks)):
        lines += [title, *(row(f"  {name}", rate) for name, rate in rates.items())] if rates else []
    for run in result.failures if failures else ():
        lines += ["", f"-- {run.entry.title} (round {run.seed})"]
        for answer in run.answers:
            failed = f"   [fails {', '.join(answer.failed)}]" if answer.failed else ""
            lines += [f"User: {answer.prompt}", f"Assistant: {answer.text}{failed}  (seed {answer.seed})"]
    return lines


def _copying_lines(copies: dict[str, Copying]) -> list[str]:
    from picochat.evaluation.copying import NGRAM

    lines = ["", f"{NGRAM} words in a row that stand in the training text"]
    for name, copying in copies.items():
        share = "-" if copying.share is None else f"{copying.share:.1%}"
        lines.append(f"  {name.replace('_', ' '):<9}  {share:>6} of {copying.ngrams:>9,} in {copying.texts:,} texts")
        lines.append(f"             longest: {len(copying.longest.split())} words: {copying.longest}")
    return lines
