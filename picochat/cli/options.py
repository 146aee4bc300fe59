"""Command-line options made from the settings schemas, so that help, bounds and defaults are written once."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from typer.core import TyperCommand

from picochat.inference.settings import SamplingSettings
from picochat.schema import Duration, Schema

F = TypeVar("F", bound=Callable[..., None])


class GgufKind(str, Enum):
    """How GGUF stores matrices."""

    F32 = "f32"
    F16 = "f16"
    Q8_0 = "q8_0"


def option(schema: type[Schema], field: str, *names: str, **extra: Any) -> Any:
    """A Typer option for one field of a schema; its default is `None`, "not given"."""
    info = schema.model_fields[field]
    help_text = (info.description or "").replace("; default", ". Default")
    if info.default not in (None, ()) and info.default is not False and not info.is_required():
        help_text += f" [default: {info.default}]"
    if issubclass(schema, SamplingSettings):
        extra.setdefault("envvar", f"PICOCHAT_{field.upper()}")
    flags = names or (f"--{field.replace('_', '-')}",)
    return typer.Option(*flags, help=help_text, show_default=False, **extra)


def given(**values: Any) -> dict[str, Any]:
    """Only the options that were given."""
    return {name: value for name, value in values.items() if value not in (None, [], ())}


WIDEST = 60
"""Letters of choices that still fit a line of help."""

SAMPLING_NAMES = {
    "temperature": ("--temperature", "-T"),
    "top_k": ("--top-k", "-k"),
    "max_tokens": ("--max-tokens", "-t"),
}
"""The options of `SamplingSettings` that are not simply called as their fields."""


def options_of(
    schema: type[Schema],
    *,
    names: Mapping[str, tuple[str, ...]],
    sections: Mapping[str, str] | None = None,
    without: Collection[str] = (),
) -> Callable[[F], F]:
    """Give a command an option for each field of a schema; they arrive in its `**settings`.

    Most arrive as the text that was typed: the schema knows the types and bounds, and tells of mistakes in the same words
    wherever settings come from. Paths, switches and lists are what they are.

    Args:
        names: how the options are typed that are not simply called as their fields.
        sections: the fields with which sections of the help begin, and their titles; they stand before the command's own
            options then, and after them otherwise.
        without: fields that have no option.
    """

    def decorate(command: F) -> F:
        signature = inspect.signature(command, eval_str=True)
        own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        made = [each for each in _parameters(schema, names, sections or {}) if each.name not in without]
        parameters = [*made, *own] if sections else [*own, *made]
        named = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in parameters]
        command.__signature__ = signature.replace(parameters=named)  # type: ignore[attr-defined]
        return command

    return decorate


def _parameters(
    schema: type[Schema], names: Mapping[str, tuple[str, ...]], sections: Mapping[str, str]
) -> Iterator[inspect.Parameter]:
    section = None
    for field, info in schema.model_fields.items():
        section = sections.get(field, section)
        kind, extra = _kind(info.annotation)
        flags = names.get(field, ())
        if kind is bool and not flags:
            flag = field.replace("_", "-")
            flags = (f"--{flag}/--no-{flag}",)
        made = option(schema, field, *flags, rich_help_panel=section, **extra)
        yield inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, made])


def _kind(annotation: Any) -> tuple[Any, dict[str, Any]]:
    """What Typer should read for a field, and what it should show and complete."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(each for each in get_args(annotation) if each is not types.NoneType)
    if annotation is bool:
        return bool, {}
    if annotation is Path:
        return Path, {"metavar": "PATH"}
    if get_origin(annotation) is tuple:
        return list[str], _kind(get_args(annotation)[0])[1]
    if get_origin(annotation) is Literal:
        choices = get_args(annotation)
        shown_choices = "|".join(choices)
        metavar = shown_choices if len(shown_choices) <= WIDEST else "NAME"
        return str, {"metavar": metavar, "autocompletion": lambda: list(choices)}
    shown = {int: "N", float: "NUMBER", Duration: "TIME"}
    return str, {"metavar": shown.get(annotation, "TEXT")}


class SectionedCommand(TyperCommand):
    """A command whose plain help groups the options, by what rich's help would make panels of."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a list for each group, in the order in which they first occur."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "rich_help_panel", None) or "Options", []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


ModelOption = Annotated[
    Path | None,
    typer.Option(
        "--model",
        "-m",
        help="Model file or run folder, GGUF file, Hugging Face folder, or ORG/NAME on its hub. Default: the shipped model.",
        show_default=False,
    ),
]
DraftOption = Annotated[
    Path | None,
    typer.Option("--draft", help="A smaller model with the same tokenizer, to guess tokens ahead.", show_default=False),
]
DeviceOption = Annotated[str, typer.Option("--device", "-d", help="auto, cpu, cuda or mps.")]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="CPU threads. Default: as many as are quickest.", show_default=False)
]
PrecisionOption = Annotated[
    str, typer.Option("--precision", help="auto (the quickest that answers alike), fp32, bf16, fp16, int8 or int4.")
]
