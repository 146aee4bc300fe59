"""Finding messages, and conversations, by what they say."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass

from picochat.chat.database import HEAD, SUMMARY, as_bytes
from picochat.chat.records import Found, Hit, summary_of, title_of

SNIPPET_TOKENS = 16
SNIPPET_LENGTH = 200
MAX_WORDS = 32
"""Words of a search beyond these are left out: SQLite bounds the size of a query."""

# noncharacters, which Unicode reserves for use inside a program
_MARKS = re.compile("[\ufdd0\ufdd1]")
# scripts written without spaces, and emoji: the index knows no words in them
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\U0010ffff]")

_INDEXED_SNIPPET = f"snippet(words, 0, char(0xfdd0), char(0xfdd1), '…', {SNIPPET_TOKENS})"
_PLAIN_SNIPPET = """(
    SELECT substr(m.content, max(1, place - 40), min(place - 1, 40)) || char(0xfdd0) || word || char(0xfdd1)
        || substr(m.content, place + length(word), 100)
    FROM (SELECT instr(m.content, CAST(? AS TEXT)) AS place, CAST(? AS TEXT) AS word)
)"""


@dataclass(frozen=True)
class _Words:
    """What is looked for: an expression for the index, if any word is in it, and texts to be found letter by letter."""

    match: str | None
    plain: tuple[bytes | None, ...]

    def where(self, table: str, column: str) -> tuple[str, list[bytes | str | None]]:
        """The condition that a text, indexed in `table`, holds all words; and its values."""
        conditions = [f"instr({column}, CAST(? AS TEXT)) > 0"] * len(self.plain)
        values: list[bytes | str | None] = list(self.plain)
        if self.match is not None:
            conditions.insert(0, f"{table} MATCH ?")
            values.insert(0, self.match)
        return " AND ".join(conditions), values

    @property
    def messages(self) -> str:
        """Where messages `m` come from."""
        return "words JOIN messages m ON m.id = words.rowid" if self.match is not None else "messages m"

    @property
    def snippet(self) -> tuple[str, list[bytes | str | None]]:
        """The column that shows a hit, and its values."""
        return (_INDEXED_SNIPPET, []) if self.match is not None else (_PLAIN_SNIPPET, [self.plain[0], self.plain[0]])


def find_messages(database: sqlite3.Connection, query: str, limit: int) -> list[Hit]:
    """Messages that hold all words of a text, newest first; nothing in the text is an operator."""
    if (words := _words(query)) is None:
        return []
    (condition, values), (snippet, shown) = words.where("words", "m.content"), words.snippet
    # by row of the index: it walks in that order, and need not cut snippets out of all it finds before the limit
    order = "words.rowid" if words.match is not None else "m.id"
    rows = database.execute(
        f"SELECT {HEAD}, m.position, m.role, m.created, {snippet} FROM {words.messages} "
        f"JOIN conversations c ON c.id = m.conversation WHERE {condition} ORDER BY {order} DESC LIMIT ?",
        (*shown, *values, limit),
    ).fetchall()
    return [Hit(row[0], row[5], title_of(row[1], row[2]), row[6], *_marked(row[8]), row[7]) for row in rows]


def find_conversations(database: sqlite3.Connection, query: str, limit: int, offset: int) -> list[Found]:
    """Conversations with all words of a text in their name or in one message, the one changed last first."""
    if (words := _words(query)) is None:
        return []
    said, said_values = words.where("words", "m.content")
    named, named_values = words.where("titles", "t.title")
    titles = "titles JOIN conversations t ON t.id = titles.rowid" if words.match is not None else "conversations t"
    rows = database.execute(
        "WITH hits (conversation, message) AS ("
        f"SELECT m.conversation, max(m.id) FROM {words.messages} WHERE {said} GROUP BY m.conversation "
        f"UNION ALL SELECT t.id, NULL FROM {titles} WHERE {named}"
        f") SELECT {SUMMARY}, max(hits.message) FROM hits JOIN conversations c ON c.id = hits.conversation "
        "WHERE EXISTS (SELECT 1 FROM messages WHERE conversation = c.id) "
        "GROUP BY c.id ORDER BY c.updated DESC, c.id DESC LIMIT ? OFFSET ?",
        (*said_values, *named_values, limit, offset),
    ).fetchall()
    snippets = _snippets(database, words, [row[8] for row in rows if row[8] is not None])
    return [Found(summary_of(row), *_marked(snippets.get(row[8], ""))) for row in rows]


def _snippets(database: sqlite3.Connection, words: _Words, messages: list[int]) -> dict[int, str]:
    """What to show of messages that were found."""
    (condition, values), (snippet, shown) = words.where("words", "m.content"), words.snippet
    # the plus: a walk through the index once, not once for each message
    query = f"SELECT m.id, {snippet} FROM {words.messages} WHERE {condition} AND +m.id IN ({','.join('?' * len(messages))})"
    return dict(database.execute(query, (*shown, *values, *messages)).fetchall())


def _words(query: str) -> _Words | None:
    """The words of a text; `None` when there are none."""
    words = list(dict.fromkeys(query.replace("\0", " ").split()))[:MAX_WORDS]
    if not words:
        return None
    plain = [word for word in words if _UNSPACED.search(word) or not any(map(str.isalnum, word))]
    indexed = [word for word in words if word not in plain]
    match = " ".join('"' + word.replace('"', '""') + '"' for word in indexed)
    if indexed and words[-1] == indexed[-1] and query[-1].isalnum():
        match += "*"
    return _Words(match if indexed else None, tuple(map(as_bytes, plain)))


def _marked(snippet: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A snippet without its marks, and where they were."""
    text, places = "", []
    for index, part in enumerate(_MARKS.split(" ".join(snippet.splitlines()))):
        if index % 2:
            places.append((len(text), min(len(text) + len(part), SNIPPET_LENGTH)))
        text += part
    return text[:SNIPPET_LENGTH], tuple(place for place in places if place[0] < SNIPPET_LENGTH)
