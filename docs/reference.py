"""Write docs/configuration.md from the schemas, the options and the registries that the program itself uses.

python docs/reference.py
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from picochat.chat.actions import COMMANDS
from picochat.chat.keys import ACTIONS
from picochat.chat.settings import PRESETS as MOODS
from picochat.chat.settings import SINGLE_MAX_TOKENS, ChatSettings
from picochat.cli.generate import DEFAULT_MAX_TOKENS
from picochat.inference.settings import SamplingSettings
from picochat.locations import VARIABLES
from picochat.model.config import BOUNDS, CHOICES, ModelConfig
from picochat.model.config import PRESETS as SIZES
from picochat.schema import Duration
from picochat.training.config import SECTIONS, TrainConfig
from picochat.training.preset import preset_names, preset_settings, preset_summary
from picochat.web.schema import ChatRequest, CompletionRequest, StreamOptions, TextRequest

PAGE = Path(__file__).parent / "configuration.md"

HEAD = """\
# Configuration

Every setting, with its values, its default, and the option and environment variable that give it. This page is made by
`python docs/reference.py` from the code that checks the settings.
"""

CHAT = f"""\
## Chat and generate

`picochat chat` takes a setting from its option, or else from the environment variable, or else from the configuration file,
or else it has the default. While you chat, `/set NAME VALUE` or the panel of `/settings` (F2) changes it, and `/save` writes
all that differ from the defaults into the file. `picochat generate` takes options and variables, and no file.

The configuration file is `~/.config/picochat/config.yaml` on Linux, `~/Library/Application Support/picochat/config.yaml` on
macOS and `%LOCALAPPDATA%\\picochat\\config.yaml` on Windows:

    temperature: 0.7
    theme: nord
    keys: {{probs: ctrl+t}}

A name is written with `_` in a file and with `-` or `_` after `/set`. Of a file with a wrong setting, that line and those
after it are left out, and it is told. Without `max_tokens`, a text of `generate` ends after {DEFAULT_MAX_TOKENS} tokens,
and an answer to a single prompt after {SINGLE_MAX_TOKENS}.
"""

SAMPLING = """\
### Sampling

`chat` and `generate` have the same options for these, but `--stop` is one of `generate` alone.
"""

COMMANDS_TEXT = """\
Commands are typed, and have these keys:
"""

KEYS = """\
### Keys and commands

`/keys NAME KEY` or `keys` in the configuration file gives another key to what has a name here. A key is written like
`ctrl+g`, `f5` or `alt+enter`; commas stand between several.
"""

TRAIN = """\
## Training

`picochat train` takes a setting from its option, or else from the YAML file of `--config`, or else from the preset
(`--preset`), or else it has the default. `picochat config show` prints all as such a file, `picochat config check FILE`
checks one. There are no environment variables for these.
"""

PRESETS_TEXT = """\
### Presets

`--preset NAME` begins with the settings of one of these; what you give goes before them.
"""

SIZES_TEXT = """\
### Sizes

`--size NAME` takes the shape of one of these. Parameters are counted with this vocabulary; a character tokenizer, for
one, has a smaller one.
"""

NETWORK = """\
### The network

What a model file says of its network. A training makes it of the size and the settings above; `--embedding` is `dim` and
`--feed-forward` is `ff_dim`. `ModelConfig` in Python takes the same names.
"""

SERVER = """\
## Server and page

[api.md](api.md) and [web.md](web.md) tell how to use these. The options of `picochat serve`:
"""

REQUESTS = """\
### Requests

Fields of a request to the server, beside those of sampling above: `temperature`, `top_k`, `top_p`, `min_p`,
`guidance_scale`, `repetition_penalty`, `max_tokens`, `seed` and `stop`.
"""

VARIABLES_TEXT = """\
## Environment variables

An option goes before its variable. Switches are `1` or `0`; in `PICOCHAT_STOP` blanks stand between texts. An empty
variable is as good as none.
"""

OTHERS = {
    "NO_COLOR": "Anything: no colors on the screen.",
    "VISUAL EDITOR": "The editor that Ctrl+G opens.",
    "TERM": "`dumb`: plain lines instead of the full screen.",
    "SSH_TTY": "Set by ssh: text is copied through the terminal alone.",
    "HF_TOKEN": "What allows to write to the Hugging Face hub, for `push`.",
    "HF_ENDPOINT": "Another address of that hub.",
    "CXX": "The C++ compiler of torch.compile on a CPU.",
    "WANDB_PROJECT WANDB_MODE": "Weights & Biases' own, for `train --log wandb`.",
    "MLFLOW_TRACKING_URI": "Where `train --log mlflow` logs to.",
}
"""Variables of other programs that picochat heeds too."""


@dataclass(frozen=True)
class Option:
    """What a command takes; `flags` are as they are declared, a switch as "--on/--off"."""

    flags: tuple[str, ...] = ()
    values: str = ""
    default: str = ""
    variable: str = ""
    what: str = ""


def page() -> str:
    """The whole page."""
    return "\n".join(chain([HEAD], _chat(), _train(), _server(), _variables())).rstrip() + "\n"


def _chat() -> Iterator[str]:
    fields = ChatSettings.model_fields
    yield CHAT
    yield SAMPLING
    yield _settings({name: fields[name] for name in SamplingSettings.model_fields}, "generate")
    columns = list(MOODS["balanced"])
    yield _table(
        ["`/preset`", *columns], ([_code(name), *(_shown(mood[each]) for each in columns)] for name, mood in MOODS.items())
    )
    yield "### The chat\n"
    yield _settings({name: info for name, info in fields.items() if name not in SamplingSettings.model_fields}, "chat")
    yield "### Other options of `picochat chat`\n"
    yield _options("chat", without=fields)
    yield "### Other options of `picochat generate`\n"
    yield _options("generate", without=fields)
    yield KEYS
    yield _table(
        ["name", "key", "what it does"], ([_code(each.name), _codes(each.keys.split(",")), each.help] for each in ACTIONS)
    )
    yield COMMANDS_TEXT
    yield _table(
        ["command", "also", "key", "what it does"],
        (
            [_code(each.usage), _codes(f"/{alias}" for alias in each.aliases), _code(each.key), each.help]
            for each in COMMANDS
        ),
    )


def _train() -> Iterator[str]:
    yield TRAIN
    sections: dict[str, dict[str, FieldInfo]] = {}
    section = ""
    for name, info in TrainConfig.model_fields.items():
        section = SECTIONS.get(name, section)
        sections.setdefault(section, {})[name] = info
    for title, fields in sections.items():
        yield f"### {title}\n"
        yield _settings(fields, "train")
    yield "### Other options of `picochat train`\n"
    yield _options("train", without=TrainConfig.model_fields)
    yield PRESETS_TEXT
    yield _table(
        ["`--preset`", "what for", "settings"],
        (
            [_code(name), preset_summary(name), _codes(f"{n}: {v}" for n, v in preset_settings(name).items())]
            for name in preset_names()
        ),
    )
    yield SIZES_TEXT
    columns = ["layers", "heads", "dim", "context", "vocab_size"]
    rows = ([_code(name), *(_shown(size[each]) for each in columns), _millions(name)] for name, size in SIZES.items())
    yield _table(["`--size`", *columns, "parameters"], rows)
    yield NETWORK
    told = attribute_docs(ModelConfig)
    yield _table(
        ["field", "values", "what it is"],
        (
            [_code(name), _shape_values(name, field.default), told[name]]
            for name, field in ModelConfig.__dataclass_fields__.items()
        ),
    )


def _server() -> Iterator[str]:
    yield SERVER
    yield _options("serve")
    yield "Those of `picochat web`:\n"
    yield _options("web")
    yield REQUESTS
    known = SamplingSettings.model_fields
    requests: tuple[type[TextRequest], ...] = (ChatRequest, CompletionRequest)
    for path, schema in zip(("/v1/chat/completions", "/v1/completions"), requests, strict=True):
        yield f"`POST {path}`\n"
        yield _settings({name: info for name, info in schema.model_fields.items() if repr(info) != repr(known.get(name))})
    yield "`stream_options`\n"
    yield _settings(StreamOptions.model_fields)


def _variables() -> Iterator[str]:
    uses: dict[str, dict[str, list[str]]] = {}
    for command in ("chat", "generate", "eval", "serve", "web"):
        for option in _options_of(command).values():
            if option.variable:
                uses.setdefault(option.variable, {}).setdefault(option.flags[0].partition("/")[0], []).append(command)
    options = {
        variable: "; ".join(f"`{option}` of {', '.join(commands)}" for option, commands in used.items())
        for variable, used in uses.items()
    }
    yield VARIABLES_TEXT
    yield _table(["variable", "stands for"], ([_code(name), text] for name, text in {**VARIABLES, **options}.items()))
    yield "These belong to other programs, and picochat heeds them:\n"
    yield _table(["variable", "what it does"], ([_codes(name.split()), text] for name, text in OTHERS.items()))


# -- tables -------------------------------------------------------------------------------------------------------------


def _settings(fields: Mapping[str, FieldInfo], command: str | None = None) -> str:
    """A table of a schema's fields, with the options that the command has for them."""
    options = _options_of(command) if command else {}
    variables = any(options[name].variable for name in fields if name in options)
    rows = []
    for name, info in fields.items():
        what, default = _divided(info)
        option = options.get(name, Option())
        given = [_flags(option)] * bool(command) + [_code(option.variable)] * variables
        rows.append([_code(name), values(info), default, *given, what])
    given = ["option"] * bool(command) + ["variable"] * variables
    return _table(["setting" if command else "field", "values", "default", *given, "what it does"], rows)


def _options(command: str, without: Collection[str] = ()) -> str:
    """A table of a command's options but for some."""
    options = [option for name, option in _options_of(command).items() if name not in without]
    variables = any(option.variable for option in options)
    rows = ([_flags(each), each.values, each.default, *[_code(each.variable)] * variables, each.what] for each in options)
    return _table(["option", "values", "default", *["variable"] * variables, "what it does"], rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([cell.replace("|", r"\|").replace("<", "&lt;") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _codes(texts: Iterable[str]) -> str:
    return ", ".join(map(_code, texts))


# -- what a field and an option take ------------------------------------------------------------------------------------


def values(info: FieldInfo) -> str:
    """What a field may be, in plain words."""
    kind = _plain(info.annotation)
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        return f"any of {_codes(get_args(inner))}" if get_origin(inner) is Literal else "texts" if inner is str else "a list"
    return _codes(get_args(kind)) if get_origin(kind) is Literal else "".join([_word(kind), *_bounds(info)])


def _plain(annotation: Any) -> Any:
    """A type without its `None`."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    return next(each for each in get_args(annotation) if each is not NoneType)


def _word(kind: Any) -> str:
    """A type in plain words."""
    words = {int: "whole number", float: "number", bool: "on, off", Path: "path", str: "text", dict: "names and texts"}
    return "time" if kind == Duration else words.get(get_origin(kind) or kind, "an object")


def _bounds(info: FieldInfo) -> Iterator[str]:
    words = {"ge": " from", "gt": " above", "le": " to", "lt": ", below"}
    for bound in info.metadata:
        for key, word in words.items():
            if hasattr(bound, key):
                yield f"{word} {_shown(getattr(bound, key))}"


def _limits(low: float | None, high: float | None) -> Iterator[str]:
    yield from (f"{word} {_shown(bound)}" for word, bound in (("from", low), ("to", high)) if bound is not None)


def _divided(info: FieldInfo) -> tuple[str, str]:
    """A description without what it says of the default, and the default."""
    what, _, default = (info.description or "").rstrip(".").partition("; default ")
    if info.is_required():
        default = "must be given"
    elif not default:
        # an object's default is that of its fields
        empty = info.default in (None, (), {}) or isinstance(info.default, BaseModel)
        default = "none" if empty else _shown(info.default)
    return f"{what}.", default


def _shape_values(name: str, default: Any) -> str:
    """What a field of the network's shape may be."""
    if name in CHOICES:
        return _codes(CHOICES[name])
    if name in BOUNDS:
        return " ".join(["whole number", *_limits(*BOUNDS[name])])
    return "on, off" if isinstance(default, bool) else "number"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return "2^63 - 1" if value == 2**63 - 1 else str(value) if isinstance(value, int) else f"{value:g}"
    return _codes(value) if isinstance(value, tuple) else _code(str(value))


def _flags(option: Option) -> str:
    return ", ".join(" or ".join(map(_code, flag.split("/"))) for flag in option.flags)


def _options_of(command: str) -> dict[str, Option]:
    """A command's options, by the names of its function's parameters."""
    (registered,) = importlib.import_module(f"picochat.cli.{command}").app.registered_commands
    options = {}
    for name, parameter in inspect.signature(registered.callback, eval_str=True).parameters.items():
        if get_origin(parameter.annotation) is Annotated:
            kind, info = get_args(parameter.annotation)
            kind, default = _plain(kind), parameter.default
            options[name] = Option(
                # of a declaration inside of Annotated, Typer's first argument is the first flag
                flags=(info.default, *info.param_decls),
                values="" if kind is bool else " ".join([_word(kind), *_limits(info.min, info.max)]),
                # that a switch is off by default goes without saying
                default="" if default in (None, False) else _shown(default),
                variable=info.envvar or "",
                what=info.help,
            )
    return options


def _millions(size: str) -> str:
    return f"{ModelConfig.create(preset=size).parameters / 1e6:.1f}M"


def attribute_docs(kind: type) -> dict[str, str]:
    """The docstrings of a class's attributes, as sentences; empty for an attribute without one."""
    (tree,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(tree, ast.ClassDef)
    told = {}
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            text = after.value.value if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) else ""
            told[node.target.id] = " ".join(str(text).split())
    return told


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
