"""Documents encoded by several processes, in the order in which they came and with bounded memory."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
import unicodedata
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from picochat.errors import DataError
from picochat.text.batches import Encoded, encode_together
from picochat.text.corpus import Conversation, Document
from picochat.text.tokenizer import Tokenizer

CHUNK = 1 << 19
"""Characters that are encoded together."""

Prints = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Chunk:
    """Some encoded documents.

    Attributes:
        encoded: their tokens.
        prints: (D,) a `fingerprint` each.
        chats: (D,) which are conversations.
        sizes: (D,) characters of each.
    """

    encoded: Encoded
    prints: Prints
    chats: npt.NDArray[np.bool_]
    sizes: npt.NDArray[np.int64]


def fingerprint(document: Document) -> int:
    """64 bits that are equal for equal documents, whatever their white space and their Unicode normal form."""
    digest = hashlib.blake2b(digest_size=8)
    if isinstance(document, Conversation):
        for message in document.messages:
            digest.update(f"\0{message.role}\0{_normal(message.content)}".encode("utf-8", "replace"))
    else:
        digest.update(_normal(document.content).encode("utf-8", "replace"))
    return int.from_bytes(digest.digest(), "little")


def encode_chunks(documents: Iterable[Document], tokenizer: Tokenizer, workers: int = 1) -> Generator[Chunk, None, None]:
    """Encode documents, in chunks of about `CHUNK` characters.

    Args:
        workers: processes; 1 works in this one.

    Raises:
        DataError: a process was ended from outside.
    """
    chunks = _together(documents)
    if workers <= 1:
        yield from (_encode(chunk, tokenizer) for chunk in chunks)
        return
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_begin_work, initargs=(tokenizer.to_json(),)
    )
    # two for each process, so that none waits, and no more, so that the text does not pile up
    under_way: deque[Future[Chunk]] = deque()
    try:
        for chunk in chunks:
            under_way.append(pool.submit(_work, chunk))
            if len(under_way) >= 2 * workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    except BrokenProcessPool:
        raise DataError(
            "A process that encoded the text was ended, perhaps for want of memory; try fewer --workers."
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _together(documents: Iterable[Document]) -> Iterator[list[Document]]:
    chunk: list[Document] = []
    size = 0
    for document in documents:
        chunk.append(document)
        size += document.size
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _encode(documents: list[Document], tokenizer: Tokenizer) -> Chunk:
    return Chunk(
        encode_together(documents, tokenizer),
        np.array([fingerprint(document) for document in documents], dtype=np.uint64),
        np.array([isinstance(document, Conversation) for document in documents]),
        np.array([document.size for document in documents], dtype=np.int64),
    )


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


# -- in a process of its own ----------------------------------------------------------------------------------------------

_tokenizer: Tokenizer | None = None


def _begin_work(tokenizer: str) -> None:
    global _tokenizer
    # Ctrl-C goes to the whole group; the one who waits for the results decides
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # one process a core is enough
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _tokenizer = Tokenizer.from_json(tokenizer)


def _end_with_parent() -> None:
    """Go when the parent is gone: one that was killed can't say so, and this process would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(documents: list[Document]) -> Chunk:
    assert _tokenizer is not None
    return _encode(documents, _tokenizer)
