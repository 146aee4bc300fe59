"""A user's files, read into documents.

A document is a text, or a conversation. Files may be `.txt` (plain, or in the conversation format below), `.jsonl` (a
`{"messages": [...]}` or `{"text": ...}` a line), each also as `.xz` or `.gz`, or a folder of such files.

    System: You are a friendly assistant.        (optional)
    User: Hi there!
    Assistant: Hello! How is your day going?

    User: ...                                    (a blank line ends a conversation)

A line without a role goes on with the message before it. In plain text a line `<|endoftext|>` separates documents.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from picochat.errors import DataError
from picochat.text.chat_format import Message
from picochat.text.tokenizer import END_OF_TEXT

SUFFIXES = (".txt", ".jsonl")
COMPRESSIONS = (".xz", ".gz")
_ROLE = re.compile(r"(System|User|Assistant):[ \t]*")


@dataclass(frozen=True)
class Text:
    """A document of plain text, and where it is from."""

    content: str
    source: str = field(default="", compare=False)

    @property
    def size(self) -> int:
        """Length in characters."""
        return len(self.content)


@dataclass(frozen=True)
class Conversation:
    """A document of messages, and where it is from: what its line says, else the file."""

    messages: tuple[Message, ...]
    source: str = field(default="", compare=False)

    @property
    def size(self) -> int:
        """Length of all messages, in characters."""
        return sum(len(message.content) for message in self.messages)


Document = Text | Conversation


def read_corpus(path: Path) -> list[Document]:
    """Read every document under `path`, a file or a folder.

    Raises:
        DataError: nothing there, not text, or no document in it; the message names the file and, where it can, the line.
    """
    if not path.exists():
        raise DataError(f"There is no data file {path}; check the path, or see the README for the format.")
    files = _files(path)
    if not files:
        raise DataError(f"The folder {path} holds no {' or '.join(SUFFIXES)} files (.xz and .gz included).")
    documents: list[Document] = []
    for file in files:
        text = _read_text(file)
        if text.strip():
            documents += (document for document in _parse(text, file) if document.size)
        elif file == path:
            raise DataError(f"{path} is empty.")
    if not documents:
        raise DataError(f"{path} holds no text to train on.")
    return documents


def split_corpus(
    documents: Sequence[Document], fraction: float = 0.05, seed: int = 0
) -> tuple[list[Document], list[Document]]:
    """Split into documents to train on and documents held out.

    A document's side follows from its content and the seed, so copies of it always fall on the same side. A few long texts
    are split by cutting off the end of each instead.

    Raises:
        DataError: too little to hold anything out.
    """
    if any(isinstance(document, Text) for document in documents) and len(documents) < 20:
        cut = [_cut(document, fraction) for document in documents]
        train: list[Document] = [front for front, _ in cut if front.size]
        held_out: list[Document] = [back for _, back in cut if back.size]
    else:
        ranks = [_rank(document, seed) for document in documents]
        different = sorted(set(ranks))
        out = set(different[: max(1, round(fraction * len(different)))])
        train = [document for document, rank in zip(documents, ranks, strict=True) if rank not in out]
        held_out = [document for document, rank in zip(documents, ranks, strict=True) if rank in out]
    if not held_out or not train:
        count = len({_fingerprint(document) for document in documents})
        raise DataError(
            f"The data holds {count} different document{'s' if count > 1 else ''} of "
            f"{sum(document.size for document in documents)} characters; at least two are needed, as one is held out "
            "for validation. Add more text or conversations."
        )
    return train, held_out


def corpus_digest(documents: Sequence[Document]) -> str:
    """A hash over all documents in their order."""
    digest = hashlib.sha256()
    for document in documents:
        digest.update(_fingerprint(document))
    return digest.hexdigest()


# -- files ----------------------------------------------------------------------------------------------------------------


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and _suffix(file) in SUFFIXES)


def _suffix(path: Path) -> str:
    """The suffix that tells the format, without that of the compression."""
    return (path.with_suffix("").suffix if path.suffix in COMPRESSIONS else path.suffix).lower()


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".xz":
        return lzma.open(path, "rb")
    if path.suffix == ".gz":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    return path.open("rb")


def _read_text(path: Path) -> str:
    try:
        with _open(path) as stream:
            data = stream.read()
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile) as error:
        raise DataError(f"{path} is damaged or cut short ({error}); unpack or fetch it again.") from None
    except OSError as error:
        raise DataError(f"{path} can't be read ({error.strerror or error}).") from None
    if b"\0" in data[:65536]:
        raise DataError(f"{path} is a binary file, not text; give a .txt or .jsonl file.")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8 text (byte 0x{data[error.start]:02x} at position {error.start}); save it as UTF-8."
        ) from None


def _parse(text: str, path: Path) -> Iterator[Document]:
    if _suffix(path) == ".jsonl":
        yield from _parse_jsonl(text, path)
    elif is_conversation_text(text):
        yield from _parse_conversations(text, path)
    else:
        parts = re.split(rf"^{re.escape(END_OF_TEXT)}[ \t]*$\n?", text, flags=re.MULTILINE)
        yield from (Text(part, str(path)) for part in parts if part.strip())


# -- formats --------------------------------------------------------------------------------------------------------------


def is_conversation_text(text: str) -> bool:
    """Whether a text is in the conversation format: it opens with a role and the assistant has a line."""
    opening = text.lstrip()[:200_000]
    return bool(_ROLE.match(opening)) and bool(re.search(r"^Assistant:", opening, re.MULTILINE))


def _parse_conversations(text: str, path: Path) -> Iterator[Conversation]:
    messages: list[Message] = []
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if not line.strip():
            if any(message.role == "assistant" for message in messages):
                yield Conversation(tuple(messages), str(path))
            messages = []
        elif match := _ROLE.match(line):
            messages.append(Message(match[1].lower(), line[match.end() :].rstrip()))  # type: ignore[arg-type]
        elif messages:
            last = messages[-1]
            messages[-1] = Message(last.role, f"{last.content}\n{line.rstrip()}".lstrip("\n"))
        else:
            raise DataError(
                f"{path}, line {number}: a conversation must start with 'User:' or 'System:', not {line[:40]!r}."
            )


def _parse_jsonl(text: str, path: Path) -> Iterator[Document]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield _from_record(json.loads(line), path)
        except (ValueError, TypeError, KeyError, DataError, RecursionError) as error:
            raise DataError(
                f'{path}, line {number}: expected {{"messages": [{{"role": ..., "content": ...}}]}} or {{"text": ...}} '
                f"({type(error).__name__}: {error})."
            ) from None


def _from_record(record: Any, path: Path) -> Document:
    if not isinstance(record, dict):
        raise TypeError("a line must be an object")
    source = str(record.get("source") or path)
    if isinstance(record.get("text"), str):
        return Text(record["text"], source)
    messages = []
    for entry in record["messages"]:
        if not isinstance(entry["content"], str):
            raise TypeError("content must be a string")
        messages.append(Message(entry["role"], entry["content"]))
    return Conversation(tuple(messages), source)


# -- splitting ------------------------------------------------------------------------------------------------------------


def _fingerprint(document: Document) -> bytes:
    if isinstance(document, Text):
        return hashlib.sha256(document.content.encode("utf-8", "replace")).digest()
    rendered = json.dumps([[message.role, message.content] for message in document.messages])
    return hashlib.sha256(rendered.encode()).digest()


def _rank(document: Document, seed: int) -> bytes:
    return hashlib.sha256(seed.to_bytes(8, "little", signed=True) + _fingerprint(document)).digest()


def _cut(document: Document, fraction: float) -> tuple[Document, Document]:
    """A text's front and the last `fraction` of it, cut after a line where one is near."""
    if not isinstance(document, Text):
        return document, Text("")
    border = int(len(document.content) * (1 - fraction))
    line_end = document.content.find("\n", border, border + 200)
    border = line_end + 1 if line_end >= 0 else border
    return Text(document.content[:border]), Text(document.content[border:])
