"""The history: every conversation, kept in SQLite with what is needed to draw each answer again."""

from __future__ import annotations

import builtins
import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from picochat.chat.database import HEAD, SUMMARY, as_bytes, open_database
from picochat.chat.records import Found, Hit, StoredConversation, StoredMessage, Summary, summary_of, title_of
from picochat.chat.search import find_conversations, find_messages
from picochat.errors import HistoryError

if TYPE_CHECKING:
    from picochat.chat.settings import Mode

__all__ = ["ConversationStore", "Found", "Hit", "StoredConversation", "StoredMessage", "Summary"]

_ID_LIMIT = 2**63
_FIELDS = "role, content, stop, seed, settings, model, model_digest, tokens, seconds, created, first_token_seconds"
_BRANCH = " (branch)"


class ConversationStore:
    """Conversations in a file, or in memory; safe with several threads and several processes.

    Every method raises `HistoryError` for a conversation that is not there and for a file that can't be read or written; the
    store goes on to work after it. `notice` is a sentence for the user when the file could not be opened as it was.
    """

    def __init__(self, path: Path | None) -> None:
        self._place = f"The history {path}" if path else "The history"
        self._lock = threading.RLock()
        self._connection, self.notice = open_database(path)

    def close(self) -> None:
        """Close the file; nothing is lost without it."""
        with self._lock:
            self._connection.close()

    # -- writing ----------------------------------------------------------------------------------------------------------

    def create(self, system: str | None = None, title: str = "", mode: Mode = "conversation") -> int:
        """Begin a conversation; it shows in no list before its first message."""
        now = time.time()
        with self._transaction() as database:
            added = database.execute(
                "INSERT INTO conversations (title, system, created, updated, mode) "
                "VALUES (CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?)",
                (as_bytes(title), as_bytes(system), now, now, mode),
            )
            return _new_id(added)

    def put(self, conversation: int, position: int, record: StoredMessage) -> float:
        """Write the message at a position, and remove what stood there and after it; returns when, as `changed` does."""
        with self._transaction(conversation) as database:
            now = self._cut(database, conversation, position)
            database.execute(
                f"INSERT INTO messages (conversation, position, {_FIELDS}) "
                "VALUES (?, ?, ?, CAST(? AS TEXT), ?, ?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?)",
                (
                    conversation,
                    position,
                    record.role,
                    as_bytes(record.content),
                    record.stop,
                    record.seed,
                    json.dumps(record.settings),
                    as_bytes(record.model),
                    record.model_digest,
                    record.tokens,
                    record.seconds,
                    record.created,
                    record.first_token_seconds,
                ),
            )
        return now

    def truncate(self, conversation: int, position: int) -> float:
        """Remove the message at a position and all after it; returns when, as `changed` does."""
        with self._transaction(conversation) as database:
            return self._cut(database, conversation, position)

    def set_system(self, conversation: int, system: str | None) -> None:
        """Change the system prompt."""
        with self._transaction(conversation) as database:
            database.execute(
                "UPDATE conversations SET system = CAST(? AS TEXT) WHERE id = ?", (as_bytes(system), conversation)
            )

    def set_mode(self, conversation: int, mode: Mode) -> None:
        """Change whether it is a single prompt."""
        with self._transaction(conversation) as database:
            database.execute("UPDATE conversations SET mode = ? WHERE id = ?", (mode, conversation))

    def rename(self, conversation: int, title: str) -> None:
        """Give a title; an empty one makes the first user message the title again."""
        with self._transaction(conversation) as database:
            database.execute(
                "UPDATE conversations SET title = CAST(? AS TEXT) WHERE id = ?", (as_bytes(title), conversation)
            )

    def delete(self, conversation: int) -> None:
        """Remove a conversation; its branches stay."""
        with self._transaction(conversation) as database:
            database.execute("DELETE FROM conversations WHERE id = ?", (conversation,))

    def branch(self, conversation: int, position: int | None = None) -> int:
        """Copy the messages before a position, or all, into a new conversation; a name given is marked as a branch's."""
        now = time.time()
        with self._transaction(conversation) as database:
            query = "SELECT count(*) FROM messages WHERE conversation = ?"
            whole = int(database.execute(query, (conversation,)).fetchone()[0])
            position = whole if position is None else max(0, min(position, whole))
            added = database.execute(
                "INSERT INTO conversations (title, system, mode, created, updated, parent, parent_position) "
                "SELECT CASE WHEN title = '' OR substr(title, -length(?1)) = ?1 THEN title ELSE title || ?1 END, "
                "system, mode, ?2, ?2, id, ?3 FROM conversations WHERE id = ?4",
                (_BRANCH, now, position, conversation),
            )
            new = _new_id(added)
            database.execute(
                f"INSERT INTO messages (conversation, position, {_FIELDS}) SELECT ?, position, {_FIELDS} FROM messages "
                "WHERE conversation = ? AND position < ? ORDER BY position",
                (new, conversation, position),
            )
            return new

    # -- reading ----------------------------------------------------------------------------------------------------------

    def load(self, conversation: int) -> StoredConversation:
        """A whole conversation."""
        with self._transaction(conversation, "DEFERRED") as database:
            query = f"SELECT {HEAD}, c.system, c.parent, c.parent_position, c.mode FROM conversations c WHERE c.id = ?"
            head = database.execute(query, (conversation,)).fetchone()
            query = f"SELECT position, {_FIELDS} FROM messages WHERE conversation = ? ORDER BY position"
            rows = database.execute(query, (conversation,)).fetchall()
        if rows and rows[-1][0] != len(rows) - 1:
            self._close_gaps(conversation, [row[0] for row in rows])
        return StoredConversation(
            id=head[0],
            title=title_of(head[1], head[2]),
            created=head[3],
            updated=head[4],
            system=head[5],
            parent=head[6],
            parent_position=head[7],
            messages=tuple(_message(row[1:]) for row in rows),
            mode=head[8],
        )

    def search(self, query: str, limit: int = 50) -> builtins.list[Hit]:
        """Messages that hold all words of a text, newest first.

        Case, accents and punctuation do not matter. The last word may be the beginning of one, so that a search can follow
        the typing. Nothing in the text is an operator.
        """
        with self._transaction(None, "DEFERRED") as database:
            return find_messages(database, query, limit)

    def find(self, query: str, limit: int = 50, offset: int = 0) -> builtins.list[Found]:
        """Conversations with all words of a text in their name or in one message, the one changed last first.

        Words are matched as in `search`; a text without any finds all conversations.
        """
        if not query.replace("\0", " ").strip():
            return [Found(summary) for summary in self.list(limit, offset)]
        with self._transaction(None, "DEFERRED") as database:
            return find_conversations(database, query, limit, offset)

    def list(self, limit: int = 50, offset: int = 0) -> builtins.list[Summary]:
        """Conversations, the one changed last first; empty ones are left out."""
        with self._transaction(None, "DEFERRED") as database:
            rows = database.execute(
                f"SELECT {SUMMARY} FROM conversations c "
                "WHERE EXISTS (SELECT 1 FROM messages WHERE conversation = c.id) "
                "ORDER BY c.updated DESC, c.id DESC LIMIT ? OFFSET ?",
                (limit, offset),
            ).fetchall()
        return [summary_of(row) for row in rows]

    def latest(self) -> int | None:
        """The conversation changed last."""
        return next((summary.id for summary in self.list(limit=1)), None)

    def changed(self, conversation: int) -> float | None:
        """When a message was last written or removed, in seconds since the epoch; `None` where there is no conversation."""
        with self._transaction(kind="DEFERRED") as database:
            row = database.execute("SELECT updated FROM conversations WHERE id = ?", (conversation,)).fetchone()
        return None if row is None else float(row[0])

    # -- inside -----------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _transaction(self, conversation: int | None = None, kind: str = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """All or nothing, about a conversation that must be there."""
        database = self._connection
        with self._lock:
            try:
                database.execute(f"BEGIN {kind}")
                if conversation is not None:
                    _require(database, conversation)
                yield database
                database.execute("COMMIT")
            except BaseException as error:
                with contextlib.suppress(sqlite3.Error):
                    if database.in_transaction:
                        database.execute("ROLLBACK")
                if isinstance(error, (sqlite3.Error, OverflowError)):
                    raise HistoryError(f"{self._place} {_reason(error)}.") from None
                raise

    def _cut(self, database: sqlite3.Connection, conversation: int, position: int) -> float:
        now = time.time()
        database.execute("DELETE FROM messages WHERE conversation = ? AND position >= ?", (conversation, position))
        database.execute("UPDATE conversations SET updated = ? WHERE id = ?", (now, conversation))
        return now

    def _close_gaps(self, conversation: int, positions: builtins.list[int]) -> None:
        """Count anew where a message could not be written, as positions are places in what `load` returns."""
        moves = [(new, conversation, old) for new, old in enumerate(positions)]
        with contextlib.suppress(HistoryError), self._transaction(conversation) as database:
            database.executemany("UPDATE messages SET position = ? WHERE conversation = ? AND position = ?", moves)


def _require(database: sqlite3.Connection, conversation: int) -> None:
    known = 0 < conversation < _ID_LIMIT
    if not known or not database.execute("SELECT 1 FROM conversations WHERE id = ?", (conversation,)).fetchone():
        raise HistoryError(f"There is no conversation {conversation}; `picochat history list` shows those there are.")


def _new_id(cursor: sqlite3.Cursor) -> int:
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _message(row: tuple[Any, ...]) -> StoredMessage:
    values = [*row[:4], _settings(row[4]), *row[5:]]
    return StoredMessage(*values)


def _settings(text: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        if isinstance(value := json.loads(text), dict):
            return value
    return {}


def _reason(error: Exception) -> str:
    text = str(error)
    if "locked" in text:
        return "is in use by another program; try again in a moment"
    if "full" in text:
        return "can't be written, as the disk is full; make room and try again"
    if type(error) is sqlite3.DatabaseError:
        return f"is damaged ({text}); start picochat again: it keeps the file aside and begins a new one"
    return f"can't be used ({text}); check the file and its folder"
