"""A user's files, read into documents.

A document is a text, or a conversation. Files may be `.txt` (plain, or in the conversation format below), `.jsonl` (a
`{"messages": [...]}` or `{"text": ...}` a line), each also as `.xz`, `.gz` or `.zst`, `.parquet` (columns of these names),
a folder of such files, or a data set `hf:NAME[:CONFIG][/SPLIT]`.

    System: You are a friendly assistant.        (optional)
    User: Hi there!
    Assistant: Hello! How is your day going?

    User: ...                                    (a blank line ends a conversation)

A line without a role goes on with the message before it. In plain text a line `<|endoftext|>` separates documents.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from picochat.errors import DataError
from picochat.text.chat_format import Message, Part, read_weight
from picochat.text.datasets import PREFIX, HubDataset, parquet_records
from picochat.text.reading import Meter, format_suffix, read_blocks, split_lines
from picochat.text.turns import END_OF_TEXT

SUFFIXES = (".txt", ".jsonl", ".parquet")
_ROLE = re.compile(r"(System|User|Assistant):[ \t]*")
_OPENING = 200_000
"""Characters in which a file must show that it holds conversations."""
_SPEAKERS = {"human": "user", "gpt": "assistant", "bot": "assistant", "chatgpt": "assistant"}
"""Names that data sets give to the roles."""


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


def read_corpus(path: Path | str) -> list[Document]:
    """Read every document under `path`, a file, a folder or an `hf:` data set.

    Raises:
        DataError: nothing there, not text, or no document in it; the message names the file and, where it can, the line.
    """
    return list(read_documents(path))


def read_documents(
    source: Path | str, *, longest: int | None = None, meter: Meter | None = None, revision: str | None = None
) -> Iterator[Document]:
    """The documents of `source` one after the other, in the order of the files' names.

    Args:
        source: as for `read_corpus`.
        longest: cut texts of more characters into several documents, at the ends of lines where there are any. With it
            no more than a few blocks of a file are in memory.
        meter: told of the bytes that have been read.
        revision: the commit of an `hf:` data set.

    Raises:
        DataError: as for `read_corpus`, when the reading gets there.
    """
    found = False
    for file in source_files(source):
        for document in documents_in(file, longest=longest, meter=meter, revision=revision):
            found = True
            yield document
    if not found:
        raise DataError(_nothing_in(source))


def documents_in(
    file: Path | str, *, longest: int | None = None, meter: Meter | None = None, revision: str | None = None
) -> Iterator[Document]:
    """The documents of one of `source_files`; none is no error. Arguments and errors are those of `read_documents`."""
    if isinstance(file, str):
        documents = _from_records(HubDataset.parse(file).records(revision), file)
    else:
        documents = _from_file(file, longest, meter)
    for document in documents:
        if document.size:
            yield from _pieces(document, longest)


def source_files(source: Path | str) -> list[Path | str]:
    """The files of a source in their order; an `hf:` data set stands for itself.

    Raises:
        DataError: there are none.
    """
    if str(source).startswith(PREFIX):
        return [str(source)]
    path = Path(source)
    if not path.exists():
        raise DataError(f"There is no data file {path}; check the path, or see the README for the format.")
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.is_file() and format_suffix(file) in SUFFIXES)
    if not files:
        names = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise DataError(f"The folder {path} holds no {names} files (.xz, .gz and .zst included).")
    return list(files)


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


# -- formats --------------------------------------------------------------------------------------------------------------


def is_conversation_text(text: str) -> bool:
    """Whether a text is in the conversation format: it opens with a role and the assistant has a line."""
    opening = text.lstrip()[:_OPENING]
    return bool(_ROLE.match(opening)) and bool(re.search(r"^Assistant:", opening, re.MULTILINE))


def _from_file(path: Path, longest: int | None, meter: Meter | None) -> Iterator[Document]:
    if format_suffix(path) == ".parquet":
        yield from _from_records(parquet_records(path, meter), str(path))
        return
    blocks = read_blocks(path, meter)
    if format_suffix(path) == ".jsonl":
        yield from _from_jsonl(split_lines(blocks), path)
        return
    opening = ""
    for block in blocks:
        opening += block
        if len(opening.lstrip()) >= _OPENING:
            break
    blocks = itertools.chain([opening], blocks)
    if is_conversation_text(opening):
        yield from _from_conversations(split_lines(blocks), path)
    else:
        yield from _from_plain(split_lines(blocks, longest), path, longest)


def _from_plain(lines: Iterator[str], path: Path, longest: int | None) -> Iterator[Text]:
    held: list[str] = []
    size, whole = 0, True
    for line in lines:
        # only what stands at the start of a line can be a mark; a long line comes in parts
        mark = whole and line.startswith(END_OF_TEXT) and not line[len(END_OF_TEXT) :].strip(" \t\n")
        whole = line.endswith("\n")
        if mark or (longest and size + len(line) > longest):
            if text := _text(held, path):
                yield text
            held, size = [], 0
        if not mark:
            held.append(line)
            size += len(line)
    if text := _text(held, path):
        yield text


def _text(lines: list[str], path: Path) -> Text | None:
    content = "".join(lines)
    return Text(content, str(path)) if content.strip() else None


def _pieces(document: Document, longest: int | None) -> Iterator[Document]:
    """A text in pieces of at most `longest` characters, cut after lines where there are any; other documents whole."""
    if not isinstance(document, Text) or not longest or document.size <= longest:
        yield document
        return
    begin = 0
    while begin < document.size:
        end = begin + longest
        if end < document.size:
            end = document.content.rfind("\n", begin, end) + 1 or end
        if document.content[begin:end].strip():
            yield Text(document.content[begin:end], document.source)
        begin = end


def _from_conversations(lines: Iterator[str], path: Path) -> Iterator[Conversation]:
    messages: list[Message] = []
    for number, line in enumerate(itertools.chain(lines, [""]), start=1):
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
                f"{path}, line {number}: a conversation must start with 'User:' or 'System:', not {line.rstrip()[:40]!r}."
            )


def _from_jsonl(lines: Iterator[str], path: Path) -> Iterator[Document]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            with _told(f"{path}, line {number}"):
                document = _from_record(json.loads(line), str(path))
            yield document


def _from_records(records: Iterator[dict[str, Any]], source: str) -> Iterator[Document]:
    for number, record in enumerate(records, start=1):
        with _told(f"{source}, record {number}"):
            document = _from_record(record, source)
        yield document


@contextlib.contextmanager
def _told(place: str) -> Iterator[None]:
    """Say where a record stands that is none."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, DataError, RecursionError) as error:
        raise DataError(
            f'{place}: expected {{"messages": [{{"role": ..., "content": ...}}]}} or {{"text": ...}} '
            f"({type(error).__name__}: {error})."
        ) from None


def _from_record(record: Any, place: str) -> Document:
    """A record of JSON or of a data set; `conversations` may name speakers `from` and their words `value`."""
    if not isinstance(record, dict):
        raise TypeError("a line must be an object")
    source = str(record.get("source") or place)
    entries = record.get("messages")
    if entries is None:
        entries = record.get("conversations")
    if entries is None:
        if not isinstance(record["text"], str):
            raise TypeError("text must be a string")
        return Text(record["text"], source)
    messages = []
    for entry in entries:
        role = entry["role"] if "role" in entry else entry["from"]
        content = entry["content"] if "content" in entry else entry["value"]
        if not isinstance(content, str):
            raise TypeError("content must be a string")
        messages.append(Message(_SPEAKERS.get(role, role), content, read_weight(entry)))
    return Conversation(tuple(messages), source)


def _nothing_in(source: Path | str) -> str:
    """Why a source gave no document."""
    path = Path(source)
    if path.is_file() and format_suffix(path) != ".parquet" and not any(block.strip() for block in read_blocks(path)):
        return f"{path} is empty; give a file with text or conversations."
    return f"{source} holds no text to train on; see the README for what can be read."


# -- splitting ------------------------------------------------------------------------------------------------------------


def _fingerprint(document: Document) -> bytes:
    if isinstance(document, Text):
        return hashlib.sha256(document.content.encode("utf-8", "replace")).digest()
    rendered = json.dumps([[message.role, message.content] for message in document.messages])
    given = "".join(f" {place}" for place, message in enumerate(document.messages) if message.part == Part.GIVEN)
    return hashlib.sha256((rendered + given).encode()).digest()


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
