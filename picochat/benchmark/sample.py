"""The text by which precisions are compared where no other is given."""

from __future__ import annotations

import itertools
from pathlib import Path

from picochat.text.chat_format import Message
from picochat.text.corpus import Conversation, Document, read_documents

LIMIT = 20_000
"""Characters of a text that are read; packed models read it token by token."""

_TALK = (
    ("Hi! How was your weekend?", "It was lovely, thank you. I went for a long walk by the river. How was yours?"),
    ("Quiet. I mostly slept and read.", "That sounds like just what you needed. What are you reading?"),
    ("A novel about a lighthouse keeper who writes letters.", "Oh, I like the sound of that! Who does he write to?"),
    ("His sister, but she never answers.", "How sad. Do you find out why, or have you not got that far yet?"),
    ("Not yet. Do you have any plans for tonight?", "I might cook some soup and watch an old film. Do you like cooking?"),
    ("Only when someone else does the dishes.", "Ha, I know what you mean! The cooking is the fun part."),
    ("I should go now. Talk to you tomorrow?", "Of course. Have a good evening, and enjoy your book!"),
)


def documents(data: Path | None) -> tuple[list[Document], bool]:
    """The documents to read, and whether the data has more than that; without a file a short conversation.

    Raises:
        DataError: a file that is missing, or holds no text.
    """
    if data is None:
        messages = [(Message("user", said), Message("assistant", answer)) for said, answer in _TALK]
        return [Conversation(tuple(itertools.chain.from_iterable(messages)))], False
    taken: list[Document] = []
    size = 0
    for document in read_documents(data, longest=LIMIT):
        if taken and size + document.size > LIMIT:
            return taken, True
        taken.append(document)
        size += document.size
    return taken, False
