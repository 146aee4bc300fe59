"""The text by which precisions are compared where no other is given."""

from __future__ import annotations

from pathlib import Path

from picochat.text.corpus import Conversation, Document, read_documents
from picochat.text.sample import sample_talk

LIMIT = 20_000
"""Characters of a text that are read; packed models read it token by token."""


def documents(data: Path | None) -> tuple[list[Document], bool]:
    """The documents to read, and whether the data has more than that; without a file a short conversation.

    Raises:
        DataError: a file that is missing, or holds no text.
    """
    if data is None:
        return [Conversation(sample_talk())], False
    taken: list[Document] = []
    size = 0
    for document in read_documents(data, longest=LIMIT):
        if taken and size + document.size > LIMIT:
            return taken, True
        taken.append(document)
        size += document.size
    return taken, False
