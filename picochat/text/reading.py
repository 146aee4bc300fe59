"""Files as text, block by block: unpacked, decoded and checked, never whole in memory."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from picochat.errors import DataError

COMPRESSIONS = (".xz", ".gz", ".zst")
BLOCK = 1 << 20
"""Bytes that are decoded at a time."""

Meter = Callable[[int], None]
"""Told how many more bytes of a file have been read."""


def format_suffix(path: Path) -> str:
    """The suffix that tells the format, without that of the compression, in small letters."""
    return (path.with_suffix("").suffix if path.suffix in COMPRESSIONS else path.suffix).lower()


def read_blocks(path: Path, meter: Meter | None = None) -> Iterator[str]:
    r"""The text of a file in blocks, with `\n` at the end of lines whatever the file has.

    Raises:
        DataError: unreadable, damaged, not text, not UTF-8, or the package that unpacks it is missing.
    """
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8-sig")(), translate=True)
    count = 0
    for data in _bytes_of(path, meter):
        if b"\0" in data[: max(0, 65_536 - count)]:
            raise DataError(f"{path} is a binary file, not text; give a .txt or .jsonl file.")
        count += len(data)
        yield _decode(decoder, data, count, path)
    yield _decode(decoder, b"", count, path, final=True)


def split_lines(blocks: Iterator[str], longest: int | None = None) -> Iterator[str]:
    """Lines with their ends; one of more than `longest` characters comes in several parts."""
    held: list[str] = []
    size = 0
    for block in blocks:
        *lines, rest = block.split("\n")
        for line in lines:
            yield "".join([*held, line, "\n"])
            held, size = [], 0
        if rest:
            held.append(rest)
            size += len(rest)
        if longest and size > longest:
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)


def _decode(decoder: Any, data: bytes, count: int, path: Path, *, final: bool = False) -> str:
    try:
        return str(decoder.decode(data, final))
    except UnicodeDecodeError as error:
        # the decoder puts what it held back in front of the block
        position = count - len(error.object) + error.start
        raise DataError(
            f"{path} is not UTF-8 text (byte 0x{error.object[error.start]:02x} at position {position}); save it as UTF-8."
        ) from None


def _bytes_of(path: Path, meter: Meter | None) -> Iterator[bytes]:
    """A file's unpacked bytes in blocks."""
    if path.suffix == ".zst":
        zstandard = _zstandard(path)
        damage: tuple[type[Exception], ...] = (EOFError, zstandard.ZstdError)
    else:
        damage = (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error)
    try:
        with path.open("rb") as file:
            before = 0
            for block in _unpacked(file, path):
                yield block
                if meter is not None:
                    meter(file.tell() - before)
                    before = file.tell()
    except damage as error:
        raise DataError(f"{path} is damaged or cut short ({error}); unpack or fetch it again.") from None
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror or error}).") from None


def _unpacked(file: IO[bytes], path: Path) -> Iterator[bytes]:
    if path.suffix == ".zst":
        yield from _unpack_zst(file, _zstandard(path))
        return
    stream: Any = file
    if path.suffix == ".xz":
        stream = lzma.LZMAFile(file)  # noqa: SIM115
    elif path.suffix == ".gz":
        stream = gzip.GzipFile(fileobj=file)
    while data := stream.read(BLOCK):
        yield data


def _unpack_zst(file: IO[bytes], zstandard: Any) -> Iterator[bytes]:
    """Frame after frame; the library's own reader would take a file that was cut short for a whole one."""
    decoder: Any = None
    # little at a time, as the library unpacks all that it is given at once
    while data := file.read(BLOCK // 64):
        while data:
            decoder = decoder or zstandard.ZstdDecompressor().decompressobj()
            unpacked = decoder.decompress(data)
            if unpacked:
                yield unpacked
            data = decoder.unused_data if decoder.eof else b""
            if decoder.eof:
                decoder = None
    if decoder is not None:
        raise EOFError("the end of the file is missing")


def _zstandard(path: Path) -> Any:
    try:
        import zstandard
    except ImportError:
        raise DataError(f"Reading {path} needs the package zstandard: pip install 'picochat[zst]'.") from None
    return zstandard
