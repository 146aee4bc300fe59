"""`picochat prepare`."""

from __future__ import annotations

import contextlib
import ctypes
import shlex
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picochat.cli.terminal import note, though_unread
from picochat.errors import ConfigError
from picochat.figures import clock
from picochat.interrupt import Interrupt
from picochat.text.safe import printable

if TYPE_CHECKING:
    from picochat.text.preparing import Progress

app = typer.Typer(add_completion=False, rich_markup_mode=None)

LINE_SECONDS = 0.2
"""Time between two states of the line on a terminal."""
LOG_SECONDS = 30.0
"""The same where there is none."""
_M_MMAP_THRESHOLD = -3


@app.command()
def prepare(
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data", help="File, folder or hf:NAME[:CONFIG][/SPLIT]; may be given several times.", show_default=False
        ),
    ] = None,
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH]...", help="More of the same.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder to write the shards to.", show_default=False)] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(
            "--tokenizer", help="A finished tokenizer.json. Default: one is learnt from the text.", show_default=False
        ),
    ] = None,
    kind: Annotated[
        str | None, typer.Option("--tokenizer-kind", help="bpe, char or word. [default: bpe]", show_default=False)
    ] = None,
    vocab_size: Annotated[
        int | None,
        typer.Option("--vocab-size", min=1, max=1_048_576, help="Most tokens to learn. [default: 8192]", show_default=False),
    ] = None,
    val_fraction: Annotated[float, typer.Option("--val-fraction", help="Share of the documents held out.")] = 0.05,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, max=1024, help="Processes. Default: one a core.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace other shards that are in --out.")] = False,
) -> None:
    """Encode text into token shards: files that training maps into memory, however large they are.

    Copies of a document are left out. What --out already holds for the same text, tokenizer and settings is kept.
    """
    from picochat.text.preparing import Request, prepare_shards
    from picochat.text.tokenizer import Tokenizer

    if out is None:
        raise ConfigError("prepare needs --out, the folder for the shards.")
    if tokenizer is not None and (kind or vocab_size):
        raise ConfigError("--tokenizer names a finished tokenizer; leave out --tokenizer-kind and --vocab-size.")
    request = Request(
        sources=[*(data or ()), *(more or ())],
        tokenizer=Tokenizer.from_file(tokenizer) if tokenizer else None,
        kind=kind or "bpe",
        vocab_size=vocab_size or 8192,
        val_fraction=val_fraction,
        workers=workers,
    )
    _keep_heap_small()
    with Interrupt() as interrupt, ProgressLine(interrupt) as line:
        shards, already = prepare_shards(request, out, force=force, report=line.show)
    manifest = shards.manifest
    if already:
        note(f"{out} holds these shards already; nothing to do.")
    note(f"Train with: picochat train --data {shlex.quote(str(out))}")
    train, held_out = manifest.tokens("train"), manifest.tokens("held_out")
    copies = manifest.counts.duplicates
    print(
        printable(
            f"{out}: {manifest.counts.documents:,} documents ({copies:,} duplicate{'s' * (copies != 1)} left out), "
            f"{train:,} tokens to learn from and {held_out:,} held out; "
            f"{manifest.tokenizer_kind} tokenizer of {manifest.vocab_size:,}"
        )
    )


class ProgressLine:
    """What is being done, on stderr: one line that changes on a terminal, a line now and then elsewhere."""

    def __init__(self, interrupt: Interrupt) -> None:
        self._interrupt = interrupt
        self._live = sys.stderr.isatty()
        self._stage = ""
        self._began = self._shown = time.monotonic()

    def __enter__(self) -> ProgressLine:
        return self

    @though_unread()
    def __exit__(self, *_: object) -> None:
        if self._live and self._stage:
            # the line has said what it had to say
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    @though_unread()
    def show(self, progress: Progress) -> None:
        """Show it, if it is time; leaves with the signal's exit code when somebody asked to stop."""
        if self._interrupt():
            raise typer.Exit(self._interrupt.exit_code)
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._began = progress.stage, now
            progress = replace(progress, done=0, of=0, documents=0)
        elif now - self._shown < (LINE_SECONDS if self._live else LOG_SECONDS):
            return
        self._shown = now
        if self._live:
            room = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{describe(progress, now - self._began)[:room]}", end="", file=sys.stderr, flush=True)
        else:
            note(describe(progress, now - self._began))


def describe(progress: Progress, seconds: float) -> str:
    """One line: what is done, how far it is, and how long it will take."""
    parts = [progress.stage.capitalize()]
    if progress.of:
        share = min(1.0, progress.done / progress.of)
        parts[0] += f" {share:.0%}"
    if progress.documents:
        parts += [f"{progress.documents:,} documents", f"{progress.tokens / 1e6:,.1f}M tokens"]
    if progress.done and seconds > 1:
        parts.append(f"{progress.done / seconds / 1e6:,.1f} MB/s")
        if progress.of:
            parts.append(f"{clock(seconds * (1 / share - 1))} left")
    return ", ".join(parts)


def _keep_heap_small() -> None:
    """Let glibc give every large array back to the system.

    It learns to keep larger and larger ones in its heap, which then falls to pieces: 150 MB more for 500 million tokens.
    """
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 128 * 1024)
