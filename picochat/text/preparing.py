"""From sources to a folder of shards: read, encode, leave out duplicates, split, write.

Each document is held out or not by its own hash, so that it stays on its side when files are added. Memory is bounded: the
text passes through in chunks, and of each document seen only 64 bits stay.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from picochat import __version__
from picochat.errors import ConfigError, DataError, OutputError
from picochat.files import atomic_folder, remove_folder, write_text
from picochat.text.batches import id_type
from picochat.text.corpus import Conversation, Document, Text, documents_in, source_files
from picochat.text.datasets import PREFIX, HubDataset
from picochat.text.encoding import Chunk, encode_chunks, fingerprint
from picochat.text.shard_writer import Seen, SplitWriter
from picochat.text.shards import (
    FORMAT,
    HELD_OUT,
    MANIFEST,
    TOKENIZER,
    TRAIN,
    Counts,
    Manifest,
    Shards,
    Source,
    is_shards,
    open_shards,
)
from picochat.text.tokenizer import KINDS as TOKENIZER_KINDS
from picochat.text.tokenizer import Tokenizer

PIECE = 32_768
"""A longer text is cut into documents of at most so many characters, so that a book is not one document."""
SAMPLE = 30_000_000
"""Characters from which a vocabulary is learnt, taken from all over the text."""


@dataclass(frozen=True)
class Progress:
    """How far the work has come."""

    stage: str
    done: int = 0
    """Bytes of the sources that have been read."""
    of: int = 0
    """Bytes of all sources, 0 where that is unknown."""
    documents: int = 0
    tokens: int = 0


Report = Callable[[Progress], None]
"""Told of progress a few times a second; what it raises ends the work, and nothing is left of it."""


@dataclass(frozen=True)
class Request:
    """What shards are to be made of.

    Attributes:
        sources: files, folders and `hf:` data sets.
        tokenizer: a finished one; `None` learns one from the text.
        kind, vocab_size: of the tokenizer that is learnt.
        val_fraction: share of the documents held out.
        workers: processes that encode; `None` takes one a core where there is enough text.
    """

    sources: Sequence[Path | str]
    tokenizer: Tokenizer | None = None
    kind: str = "bpe"
    vocab_size: int = 8192
    val_fraction: float = 0.05
    workers: int | None = None

    def check(self) -> None:
        """Raise `ConfigError` for what can't be done."""
        if not self.sources:
            raise ConfigError("prepare needs --data, the text to make shards of.")
        if not 0 < self.val_fraction < 1:
            raise ConfigError(f"val-fraction must be between 0 and 1, not {self.val_fraction}.")
        if self.tokenizer is None and self.kind not in TOKENIZER_KINDS:
            raise ConfigError(f"There is no tokenizer '{self.kind}'; choose one of {', '.join(TOKENIZER_KINDS)}.")

    def settings(self) -> dict[str, object]:
        """What besides the sources decides what the shards hold."""
        made = {"kind": self.kind, "vocab_size": self.vocab_size} if self.tokenizer is None else self.tokenizer.digest()
        return {"tokenizer": made, "val_fraction": self.val_fraction, "piece": PIECE}


def prepare_shards(request: Request, out: Path, *, force: bool = False, report: Report | None = None) -> tuple[Shards, bool]:
    """Make shards in the folder `out`, unless it holds them already.

    Args:
        force: replace other shards that are in `out`.
        report: told how it goes.

    Returns:
        The shards, and whether they were there already.

    Raises:
        PicochatError: settings, text or folder that can't be used. The folder is as it was.
    """
    report = report or (lambda progress: None)
    request.check()
    files = {str(file): file for source in request.sources for file in source_files(source)}
    stamps = {name: _stamp(name) for name in files}
    sources = list(_identify(list(files.values()), report))
    key = _key(sources, request)
    if (found := _existing(out, key, force=force)) is not None:
        return found, True
    try:
        with atomic_folder(out) as folder:
            manifest = _Work(request, sources, folder, report).run(key)
            changed = [name for name, stamp in stamps.items() if _stamp(name) != stamp]
            if changed:
                raise DataError(f"{changed[0]} changed while it was read; run `picochat prepare` again.")
            write_text(folder / MANIFEST, json.dumps(manifest.model_dump(), indent=1))
            if force and is_shards(out):
                remove_folder(out)
    except OutputError:
        # another process may have put the same there meanwhile
        if not is_shards(out) or (found := _existing(out, key)) is None:
            raise
        return found, True
    return open_shards(out), False


class _Work:
    """One preparation, in a folder of its own."""

    def __init__(self, request: Request, sources: list[Source], folder: Path, report: Report) -> None:
        self.request, self.sources, self.folder, self.report = request, sources, folder, report
        self.size = 0 if any(_is_hub(source.name) for source in sources) else sum(source.bytes for source in sources)
        self.progress = Progress("reading", of=self.size)
        self.tokenizer = request.tokenizer or self._learn_tokenizer()

    def run(self, key: str) -> Manifest:
        """Write all files but the manifest, and return what belongs into it."""
        limit = int(self.request.val_fraction * 2**64)
        written = self._write(limit)
        if written.lowest is not None and not (written.train.shards and written.held_out.shards):
            # so little text that chance puts all on one side: then the document of the lowest hash is held out
            written = self._write(written.lowest + 1)
        if not written.train.shards or not written.held_out.shards:
            raise DataError(
                f"The data holds {written.counts.documents} different document{'s' * (written.counts.documents != 1)} of "
                f"{written.counts.characters:,} characters; at least two are needed, as one is held out for validation. "
                "Add more text, or give the file itself to `picochat train --data`."
            )
        write_text(self.folder / TOKENIZER, self.tokenizer.to_json())
        return Manifest(
            format=FORMAT,
            key=key,
            made_by=f"picochat {__version__}",
            ids=np.dtype(id_type(self.tokenizer.vocab_size)).name,
            tokenizer=self.tokenizer.digest(),
            tokenizer_kind=self.tokenizer.kind,
            vocab_size=self.tokenizer.vocab_size,
            settings=self.request.settings(),
            sources=self.sources,
            counts=written.counts,
            splits={TRAIN: written.train.shards, HELD_OUT: written.held_out.shards},
        )

    def _write(self, limit: int) -> _Written:
        """Encode and write everything; documents whose hash is below `limit` are held out."""
        dtype: np.dtype[Any] = np.dtype(id_type(self.tokenizer.vocab_size))
        written = _Written(SplitWriter(self.folder, TRAIN, dtype), SplitWriter(self.folder, HELD_OUT, dtype))
        self.progress = Progress("encoding", of=self.size)
        try:
            with contextlib.closing(encode_chunks(self._documents(), self.tokenizer, self._workers())) as chunks:
                for chunk in chunks:
                    written.take(chunk, limit)
                    tokens = written.train.tokens + written.held_out.tokens
                    self._tell(replace(self.progress, documents=written.counts.documents, tokens=tokens))
        finally:
            written.train.close()
            written.held_out.close()
        return written

    def _documents(self) -> Iterator[Document]:
        for source in self.sources:
            if _is_hub(source.name):
                yield from documents_in(source.name, longest=PIECE, revision=source.sha256)
            else:
                yield from documents_in(Path(source.name), longest=PIECE, meter=self._read)

    def _read(self, count: int) -> None:
        self._tell(replace(self.progress, done=self.progress.done + count))

    def _tell(self, progress: Progress) -> None:
        self.progress = progress
        self.report(progress)

    def _workers(self) -> int:
        if self.request.workers is not None:
            return self.request.workers
        # where there is little text, starting processes takes longer than the work
        return 1 if 0 < self.size < 4_000_000 else os.cpu_count() or 1

    def _learn_tokenizer(self) -> Tokenizer:
        """Learn from documents that are not held out, evenly over the text where its size is known."""
        request = self.request
        self.progress = Progress("learning the vocabulary", of=self.size)
        share = min(1.0, SAMPLE / self.size) if self.size and request.kind != "char" else 1.0
        held_out = int(request.val_fraction * 2**64)

        def texts() -> Iterator[str]:
            left = SAMPLE
            for document in self._documents():
                # the library takes its time over a block of text, and somebody may want to stop
                self.report(self.progress)
                if _lot(document) >= share or fingerprint(document) < held_out:
                    continue
                left -= document.size
                if left < 0 and request.kind != "char":
                    return
                if isinstance(document, Conversation):
                    for message in document.messages:
                        yield from (f"{message.role}\n", message.content)
                else:
                    yield document.content

        # the library calls for text from threads of its own, and holds this one: signals would not be seen
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(Tokenizer.train, texts(), request.kind, request.vocab_size).result()


class _Written:
    """What has been written of a preparation."""

    def __init__(self, train: SplitWriter, held_out: SplitWriter) -> None:
        self.train, self.held_out = train, held_out
        self.counts = Counts()
        self.lowest: int | None = None
        """The lowest hash of a document."""
        self._seen = Seen()

    def take(self, chunk: Chunk, limit: int) -> None:
        """Write what is new of a chunk, each document to its side."""
        new = self._seen.first_time(chunk.prints)
        # a limit of 2^64 has no place in 64 bits
        held_out = chunk.prints <= np.uint64(limit - 1) if limit > 0 else np.zeros(len(new), dtype=bool)
        self.train.add(chunk.encoded, new & ~held_out)
        self.held_out.add(chunk.encoded, new & held_out)
        if new.any():
            lowest = int(chunk.prints[new].min())
            self.lowest = lowest if self.lowest is None else min(lowest, self.lowest)
        self.counts = Counts(
            documents=self.counts.documents + int(new.sum()),
            conversations=self.counts.conversations + int(chunk.chats[new].sum()),
            duplicates=self.counts.duplicates + int((~new).sum()),
            characters=self.counts.characters + int(chunk.sizes[new].sum()),
        )


def _lot(document: Document) -> float:
    """A number from 0 to below 1 that follows from how the document begins: quicker than its fingerprint."""
    text = document.content if isinstance(document, Text) else "".join(message.content for message in document.messages)
    return zlib.crc32(text[:500].encode("utf-8", "replace")) / 2**32


# -- sources --------------------------------------------------------------------------------------------------------------


def _identify(files: Sequence[Path | str], report: Report) -> Iterator[Source]:
    """Every file with its hash, every data set with its revision."""
    total = sum(file.stat().st_size for file in files if isinstance(file, Path))
    done = 0
    for file in files:
        if isinstance(file, str):
            yield Source(name=file, bytes=0, sha256=HubDataset.parse(file).revision())
            continue
        digest, before = hashlib.sha256(), done
        try:
            with file.open("rb") as stream:
                while block := stream.read(1 << 22):
                    digest.update(block)
                    done += len(block)
                    report(Progress("checking", done, total))
        except OSError as error:
            raise DataError(f"{file} can't be read ({error.strerror or error}).") from None
        yield Source(name=str(file), bytes=done - before, sha256=digest.hexdigest())


def _key(sources: list[Source], request: Request) -> str:
    """A hash of everything that decides what the shards hold; a file counts by its content and format, not its place."""
    files = [[source.sha256, source.name if _is_hub(source.name) else Path(source.name).suffixes[-2:]] for source in sources]
    return hashlib.sha256(json.dumps([FORMAT, files, request.settings()]).encode()).hexdigest()


def _is_hub(name: str) -> bool:
    return name.startswith(PREFIX)


def _stamp(name: str) -> tuple[int, int] | None:
    """What changes when a file does; `None` for what is no file."""
    with contextlib.suppress(OSError):
        status = Path(name).stat()
        return status.st_size, status.st_mtime_ns
    return None


def _existing(out: Path, key: str, *, force: bool = False) -> Shards | None:
    """The shards in `out`, if they are the ones wanted; raises `OutputError` where something else must not be replaced."""
    if not is_shards(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise OutputError(f"{out} holds something that is no folder of shards; choose another --out.")
        return None
    why = f"{out} holds shards of other data, settings or tokenizer; replace them with --force, or choose another --out."
    try:
        shards = open_shards(out)
        if shards.manifest.key == key:
            return shards
    except DataError as error:
        why = str(error)
    if not force:
        raise OutputError(why)
    return None
