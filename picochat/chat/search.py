"""Finding messages by what they say."""

from __future__ import annotations

import re
import sqlite3

from picochat.chat.database import HEAD, as_bytes
from picochat.chat.records import Hit, title_of

SNIPPET_TOKENS = 16
SNIPPET_LENGTH = 200
MAX_WORDS = 32
"""Words of a search beyond these are left out: SQLite bounds the size of a query."""

# noncharacters, which Unicode reserves for use inside a program
_MARKS = re.compile("[\ufdd0\ufdd1]")
# scripts written without spaces, and emoji: the index knows no words in them
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\U0010ffff]")

_CONTAINS = "instr(m.content, CAST(? AS TEXT)) > 0"
_INDEXED_SNIPPET = f"snippet(words, 0, char(0xfdd0), char(0xfdd1), '…', {SNIPPET_TOKENS})"
_PLAIN_SNIPPET = """(
    SELECT substr(m.content, max(1, place - 40), min(place - 1, 40)) || char(0xfdd0) || word || char(0xfdd1)
        || substr(m.content, place + length(word), 100)
    FROM (SELECT instr(m.content, CAST(? AS TEXT)) AS place, CAST(? AS TEXT) AS word)
)"""


def find(database: sqlite3.Connection, query: str, limit: int) -> list[Hit]:
    """Messages that hold all words of a text, newest first; nothing in the text is an operator."""
    words = list(dict.fromkeys(query.replace("\0", " ").split()))[:MAX_WORDS]
    if not words:
        return []
    plain = [word for word in words if _UNSPACED.search(word) or not any(map(str.isalnum, word))]
    indexed = [word for word in words if word not in plain]
    conditions = [_CONTAINS] * len(plain)
    values: list[bytes | str | None] = [as_bytes(word) for word in plain]
    if indexed:
        match = " ".join('"' + word.replace('"', '""') + '"' for word in indexed)
        typing = words[-1] == indexed[-1] and query[-1].isalnum()
        conditions.insert(0, "words MATCH ?")
        values.insert(0, match + "*" if typing else match)
        # by row of the index: it walks in that order, and need not cut snippets out of all it finds before the limit
        source, snippet, order = "words JOIN messages m ON m.id = words.rowid", _INDEXED_SNIPPET, "words.rowid"
    else:
        values = [values[0], values[0], *values]
        source, snippet, order = "messages m", _PLAIN_SNIPPET, "m.id"
    rows = database.execute(
        f"SELECT {HEAD}, m.position, m.role, m.created, {snippet} FROM {source} "
        f"JOIN conversations c ON c.id = m.conversation WHERE {' AND '.join(conditions)} ORDER BY {order} DESC LIMIT ?",
        (*values, limit),
    ).fetchall()
    return [Hit(row[0], row[5], title_of(row[1], row[2]), row[6], *_marked(row[8]), row[7]) for row in rows]


def _marked(snippet: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A snippet without its marks, and where they were."""
    text, places = "", []
    for index, part in enumerate(_MARKS.split(" ".join(snippet.splitlines()))):
        if index % 2:
            places.append((len(text), min(len(text) + len(part), SNIPPET_LENGTH)))
        text += part
    return text[:SNIPPET_LENGTH], tuple(place for place in places if place[0] < SNIPPET_LENGTH)
