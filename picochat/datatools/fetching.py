"""Fetching a data set into one file that `picochat train --data` reads.

The file takes its name when all of it is there and, where its hash is known, right. Whatever happens before leaves nothing.
"""

from __future__ import annotations

import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from picochat import __version__
from picochat.datatools.settling import Tally, settle
from picochat.datatools.sharegpt import read_turns
from picochat.datatools.sources import Source
from picochat.datatools.writing import as_jsonl
from picochat.errors import ConfigError, DataError, OutputError
from picochat.files import atomic_write, file_digest
from picochat.text.datasets import HubDataset
from picochat.text.turns import END_OF_TEXT

SILENCE = 30.0
"""Seconds without a byte after which a server is given up."""
LONGEST = 1800.0
"""Seconds that the download of one file may take."""
_BLOCK = 1 << 16
_TITLE = re.compile(r" = [^=].* = \s*")

Report = Callable[[int, int], None]
"""Told how many bytes are written, of about how many."""


def place_for(source: Source, out: Path | None) -> Path:
    """The file to write: `out`, in it when it is a folder, or the source's own name in the working folder.

    Raises:
        ConfigError: a name whose suffix says another format.
    """
    own = source.file_name
    path = Path(own) if out is None else out / own if out.is_dir() else out
    if path.suffix != Path(own).suffix:
        raise ConfigError(f"{source.name} is written as {Path(own).suffix}; give -o such a name, not {path.name!r}.")
    return path


def fetch(source: Source, path: Path, *, force: bool = False, report: Report = lambda done, of: None) -> bool:
    """Write `source` to `path`; returns whether anything had to be fetched.

    Raises:
        OutputError: `path` is there and is not known to be this very file, or can't be written.
        DataError: the source can't be reached, is not what it was, or is far larger than expected.
    """
    if os.path.lexists(path) and not force:
        if source.sha256 is not None and path.is_file() and file_digest(path) == source.sha256:
            return False
        raise OutputError(f"{path} is there already; name another file with -o, or add --force to replace it.")
    blocks = _download(source) if source.dataset is None else _encoded(source, source.dataset)
    with atomic_write(path) as stream:
        for block in blocks:
            stream.write(block)
            if stream.size > source.limit:
                raise DataError(
                    f"{source.name} is larger than {source.limit:,} bytes, {source.size:,} were expected; "
                    f"nothing is kept, see {source.where}."
                )
            report(min(stream.size, source.size), source.size)
        if not stream.size:
            raise DataError(f"{source.where} holds no text; nothing is kept.")
        if source.sha256 is not None and stream.sha256 != source.sha256:
            raise DataError(
                f"What {source.where} sent is not the file that is known ({stream.size:,} bytes of sha256 "
                f"{stream.sha256[:12]}..., expected {source.size:,} of {source.sha256[:12]}...); nothing is kept, try again."
            )
    return True


def _download(source: Source) -> Iterator[bytes]:
    """The bytes of a file on the web."""
    deadline = time.monotonic() + LONGEST
    request = urllib.request.Request(source.where, headers={"User-Agent": f"picochat/{__version__}"})
    try:
        with urllib.request.urlopen(request, timeout=SILENCE) as response:
            expected, came = response.length, 0
            while block := response.read1(_BLOCK):
                came += len(block)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not done after {LONGEST:,.0f} seconds")
                yield block
        if expected is not None and came < expected:
            raise EOFError(f"it ended after {came:,} of {expected:,} bytes")
    except (OSError, EOFError, http.client.HTTPException) as error:
        # urllib wraps what happened, but for a status, whose number it would hide
        cause = error if isinstance(error, urllib.error.HTTPError) else getattr(error, "reason", None) or error
        reason = " ".join(str(getattr(cause, "strerror", None) or cause).split()) or type(cause).__name__
        raise DataError(
            f"{source.where} can't be fetched ({reason}); check the network, or fetch it on another machine and give the "
            "file to `picochat train --data`."
        ) from None


def _encoded(source: Source, dataset: HubDataset) -> Iterator[bytes]:
    """The records of a data set, in the format of the source's kind."""
    texts = {"articles": _articles, "texts": _texts, "conversations": _conversations}[source.kind]
    try:
        for text in texts(dataset.records()):
            yield text.encode("utf-8", "replace")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{source.where} no longer holds the {source.kind} that were expected ({type(error).__name__}: {error})."
        ) from None


def _articles(records: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Records that are lines; an article begins with its title, ` = Title = `, and sections have more signs."""
    begun = False
    for record in records:
        line = record["text"].rstrip("\n")
        if _TITLE.fullmatch(line) and begun:
            yield f"{END_OF_TEXT}\n"
        begun = begun or bool(line.strip())
        yield f"{line}\n"


def _texts(records: Iterator[dict[str, Any]]) -> Iterator[str]:
    begun = False
    for record in records:
        if text := record["text"].strip():
            yield f"{END_OF_TEXT}\n{text}\n" if begun else f"{text}\n"
            begun = True


def _conversations(records: Iterator[dict[str, Any]]) -> Iterator[str]:
    tally = Tally()
    for record in records:
        if messages := settle(read_turns(record["messages"], tally), tally):
            yield as_jsonl(messages)
