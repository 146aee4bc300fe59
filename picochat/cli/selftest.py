"""`picochat selftest`."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from picochat import __version__
from picochat.errors import DeviceError, TrainingError
from picochat.text.safe import printable

STEPS = 30
TOKENS = 20
DEVICES = ("cpu", "cuda", "mps")

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class SkippedError(Exception):
    """A check that does not apply here; the message says why."""


@dataclass(frozen=True)
class Check:
    """How one check went."""

    name: str
    status: Literal["ok", "FAILED", "skipped"]
    seconds: float
    detail: str

    def describe(self) -> str:
        """One line."""
        return printable(f"{self.status:<7}  {self.seconds:>6.1f} s  {self.name:<20}  {self.detail}")


@app.command()
def selftest(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check that picochat works here, on every device there is: what a bug report should show.

    On each device a small network is trained from random weights on a text made for it, and writes; the shipped model writes
    too. Nothing is kept. The exit code is 1 if a check failed.
    """
    facts = _facts()
    if not as_json:
        width = max(map(len, facts))
        print(printable("\n".join(f"{name:<{width}}  {value}" for name, value in facts.items())), end="\n\n", flush=True)
    checks: list[Check] = []
    with tempfile.TemporaryDirectory(prefix="picochat-", ignore_cleanup_errors=True) as folder:
        for name, action in _checks(Path(folder)):
            checks.append(_run(name, action, debug=ctx.find_root().params.get("debug", False)))
            if not as_json:
                print(checks[-1].describe(), flush=True)
    failed = sum(check.status == "FAILED" for check in checks)
    if as_json:
        print(json.dumps({"ok": not failed, "facts": facts, "checks": [asdict(check) for check in checks]}))
    else:
        done = sum(check.status == "ok" for check in checks)
        print(f"\n{failed} of {failed + done} checks FAILED" if failed else f"\nall {done} checks passed")
    if failed:
        raise typer.Exit(1)


def _run(name: str, action: Callable[[], str], *, debug: bool) -> Check:
    """Do one check; whatever it raises is what it found."""
    began = time.perf_counter()
    status: Literal["ok", "FAILED", "skipped"] = "ok"
    try:
        detail = action()
    except SkippedError as reason:
        status, detail = "skipped", str(reason)
    except Exception as error:
        if debug:
            traceback.print_exc()
        status, detail = "FAILED", _in_one_line(error)
    return Check(name, status, round(time.perf_counter() - began, 3), detail)


def _checks(folder: Path) -> Iterator[tuple[str, Callable[[], str]]]:
    """All checks, by name; each returns what it has to tell."""
    yield "shipped model", _shipped_model
    for device in DEVICES:
        if _is_here(device):
            yield f"{device}: choices", partial(_choices, device)
            yield f"{device}: training", partial(_training, device, folder / device)
            yield f"{device}: writing", partial(_writing, device, folder / device)
        else:
            yield device, partial(_skip, "not on this machine")
    yield "torch.compile", _compiling


def _facts() -> dict[str, str]:
    """Versions, machine and terminal."""
    size = shutil.get_terminal_size()
    ends = [name for name in ("stdin", "stdout", "stderr") if (stream := getattr(sys, name)) and stream.isatty()]
    variables = ("TERM", "COLORTERM", "TERM_PROGRAM", "NO_COLOR", "LC_ALL", "LANG")
    return {
        "picochat": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()})",
        **{name: _version(name) for name in ("torch", "numpy", "tokenizers", "textual")},
        "system": platform.platform(),
        **_machine(),
        "terminal": f"{size.columns}x{size.lines}, {sys.stdout.encoding}, terminals: {', '.join(ends) or 'none'}",
        "environment": " ".join(f"{name}={os.environ[name]}" for name in variables if name in os.environ) or "-",
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _machine() -> dict[str, str]:
    try:
        from picochat.training.hardware import gpus, instructions, memory_bytes, processor, threads, usable_cores

        memory = memory_bytes()
        return {
            "processor": f"{processor()}, {usable_cores()} cores, {instructions()}; torch takes {threads()} threads",
            "memory": f"{memory / 2**30:.1f} GiB" if memory else "unknown",
            "GPU": "; ".join(gpus()) or "none",
        }
    except Exception as error:  # a torch that can't even be imported is what a bug report is about
        return {"machine": _in_one_line(error)}


def _shipped_model() -> str:
    from picochat.locations import default_model

    model = default_model()
    return f"{model.name} writes {_text_of(model, 'cpu')!r}"


def _is_here(device: str) -> bool:
    """Whether the device is there; the CPU always is, even where torch is broken."""
    if device == "cpu":
        return True
    try:
        from picochat.model.device import resolve_device

        resolve_device(device)
    except (DeviceError, ImportError, OSError):
        return False
    return True


def _skip(reason: str) -> str:
    raise SkippedError(reason)


def _choices(device: str) -> str:
    """Number format and way of attention that training chooses here."""
    from picochat.model.device import resolve_device
    from picochat.training.compute import choose_attention, choose_precision
    from picochat.training.config import TrainConfig

    target = resolve_device(device)
    precision, why = choose_precision(target)
    shape = TrainConfig(data=Path()).model_config_for(None)
    attention, reason = choose_attention(target, precision, shape)
    return f"{precision} ({why}), attention by {attention} ({reason})"


def _training(device: str, run: Path) -> str:
    """A short run from random weights, which must learn something."""
    from picochat.training.config import TrainConfig
    from picochat.training.setup import prepare

    text = run.with_suffix(".txt")
    questions = "".join(f"User: What is {n} and one?\nAssistant: It is {n + 1}.\n\n" for n in range(60))
    text.write_text(questions, encoding="utf-8")
    config = TrainConfig(
        data=text, out=run, device=device, steps=STEPS, eval_every=10, layers=2, heads=2, embedding=32, context=32,
        vocab_size=300, batch_size=4,
    )  # fmt: skip
    losses = _Losses()
    result = prepare(config, reporter=losses).fit()
    if result.interrupted:
        raise KeyboardInterrupt
    first = losses.seen[0]
    # the bound is far from what it reaches: noise must not fail it, and a network that doesn't learn must
    if not (math.isfinite(result.val_loss) and result.val_loss < 0.9 * first):
        raise TrainingError(f"the loss only went from {first:.2f} to {result.val_loss:.2f} in {STEPS} steps")
    return f"loss {first:.2f} to {result.val_loss:.2f} in {STEPS} steps"


def _writing(device: str, run: Path) -> str:
    """A text by the model that was just trained."""
    if not run.exists():
        raise SkippedError("nothing was trained")
    return f"writes {_text_of(run, device)!r}"


def _compiling() -> str:
    from picochat.model.device import resolve_device
    from picochat.training.hardware import find_compiler, try_compile

    device, compiler = resolve_device("auto"), find_compiler()
    if device.type == "cpu" and compiler is None:
        raise SkippedError("there is no C++ compiler; networks run as they are")
    try_compile(device)
    return f"works on {device} (C++ compiler: {compiler or 'none'})"


def _text_of(model: Path, device: str) -> str:
    """What a model writes; the same text must come again with the same seed."""
    from picochat import load

    loaded = load(model, device=device)
    texts = []
    for _ in range(2):
        # from nothing each time: a prompt that is read in other parts rounds differently on a GPU
        loaded.engine.forget()
        texts.append(loaded.generate("Hello!", max_tokens=TOKENS, seed=1))
    if texts[0] != texts[1]:
        raise TrainingError(f"one seed gave two texts: {texts[0]!r} and {texts[1]!r}")
    return texts[0]


def _in_one_line(error: Exception) -> str:
    """An error's kind and its first line."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"


class _Losses:
    """A `Reporter` that keeps the losses."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def note(self, text: str) -> None:
        """Say nothing."""

    def progress(self, record: dict[str, Any]) -> None:
        """Keep the loss."""
        self.seen.append(record.get("loss", float("nan")))
