"""The file behind the history: its schema, how it is opened, and what becomes of one that can't be used."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path

from picochat.errors import HistoryError

BUSY_SECONDS = 5.0
"""How long to wait for another process that is writing."""

APPLICATION = 0x7069636F
"""SQLite's mark of whose file it is: a database of another program must not be touched."""

VERSIONS: tuple[tuple[str, ...], ...] = (
    (
        # AUTOINCREMENT: an id that another process still holds must not come to mean another conversation
        """CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            title TEXT NOT NULL DEFAULT '',
            system TEXT,
            created REAL NOT NULL,
            updated REAL NOT NULL,
            parent INTEGER REFERENCES conversations (id) ON DELETE SET NULL,
            parent_position INTEGER
        )""",
        "CREATE INDEX conversations_by_time ON conversations (updated)",
        "CREATE INDEX conversations_by_parent ON conversations (parent)",
        """CREATE TABLE messages (
            id INTEGER PRIMARY KEY,
            conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            position INTEGER NOT NULL CHECK (position >= 0),
            role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant')),
            content TEXT NOT NULL,
            stop TEXT,
            seed INTEGER,
            settings TEXT NOT NULL,
            model TEXT,
            model_digest TEXT,
            tokens INTEGER,
            seconds REAL,
            created REAL NOT NULL,
            UNIQUE (conversation, position)
        )""",
        """CREATE VIRTUAL TABLE words USING fts5 (
            content, content='messages', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
        )""",
        """CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
            INSERT INTO words (rowid, content) VALUES (new.id, new.content);
        END""",
        """CREATE TRIGGER message_removed AFTER DELETE ON messages BEGIN
            INSERT INTO words (words, rowid, content) VALUES ('delete', old.id, old.content);
        END""",
        """CREATE TRIGGER message_changed AFTER UPDATE OF content ON messages BEGIN
            INSERT INTO words (words, rowid, content) VALUES ('delete', old.id, old.content);
            INSERT INTO words (rowid, content) VALUES (new.id, new.content);
        END""",
    ),
    (
        "ALTER TABLE conversations ADD COLUMN mode TEXT NOT NULL DEFAULT 'conversation' "
        "CHECK (mode IN ('conversation', 'single'))",
        "ALTER TABLE messages ADD COLUMN first_token_seconds REAL",
        """CREATE VIRTUAL TABLE titles USING fts5 (
            title, content='conversations', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
        )""",
        "INSERT INTO titles (titles) VALUES ('rebuild')",
        """CREATE TRIGGER conversation_added AFTER INSERT ON conversations BEGIN
            INSERT INTO titles (rowid, title) VALUES (new.id, new.title);
        END""",
        """CREATE TRIGGER conversation_removed AFTER DELETE ON conversations BEGIN
            INSERT INTO titles (titles, rowid, title) VALUES ('delete', old.id, old.title);
        END""",
        """CREATE TRIGGER conversation_renamed AFTER UPDATE OF title ON conversations BEGIN
            INSERT INTO titles (titles, rowid, title) VALUES ('delete', old.id, old.title);
            INSERT INTO titles (rowid, title) VALUES (new.id, new.title);
        END""",
    ),
)
"""What makes each schema version of the one before; `PRAGMA user_version` counts those that were applied."""


HEAD = """c.id, c.title, (
    SELECT substr(content, 1, 1000) FROM messages WHERE conversation = c.id AND role = 'user' ORDER BY position LIMIT 1
), c.created, c.updated"""
"""What every reader selects of a conversation `c`: the title is the one given or, for `title_of`, the first user message."""

SUMMARY = f"{HEAD}, (SELECT count(*) FROM messages WHERE conversation = c.id), c.parent, c.mode"
"""What `summary_of` takes."""


class _UnusableError(Exception):
    """A history that is to be kept aside; the message goes on after its path."""


class _ForeignError(Exception):
    """A database of another program."""


def open_database(path: Path | None) -> tuple[sqlite3.Connection, str | None]:
    """Open the history at `path`, in memory for `None`; what went wrong comes back as a sentence.

    A damaged file and one of a newer schema are kept under another name, and a new one is begun. Where no history can be, it
    lasts as long as the program.

    Raises:
        HistoryError: this Python's SQLite can't hold a history at all.
    """
    notice = None
    if path is not None:
        try:
            return _open_file(path)
        except _ForeignError:
            notice = f"{path} is a database of another program, so nothing is saved; set PICOCHAT_HISTORY to another file."
        except (OSError, sqlite3.Error) as error:
            reason = getattr(error, "strerror", None) or error
            notice = (
                f"The history {path} can't be used ({reason}), so nothing is saved; set PICOCHAT_HISTORY to another file."
            )
    try:
        return _connect(":memory:"), notice
    except sqlite3.Error as error:
        raise HistoryError(f"This Python's SQLite can't hold a history ({error}); use a Python with FTS5.") from None


def _open_file(path: Path) -> tuple[sqlite3.Connection, str | None]:
    _make_file(path)
    identity = _identity(path)
    try:
        return _connect(path), None
    except _UnusableError as error:
        notice = None
        # another process may have seen the same damage first, and what is there now is its new file
        if _identity(path) == identity:
            notice = f"The history {path} {error}; it is kept as {_keep_aside(path)} and a new one is begun."
    _make_file(path)
    try:
        return _connect(path), notice
    except _UnusableError as error:
        raise OSError(f"it {error}") from None


def _make_file(path: Path) -> None:
    """Create an empty file that only its owner may read: conversations are private. One that is there must be writable."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        # not by opening it: closing a file drops this process's SQLite locks on it
        if not os.access(path, os.W_OK):
            raise PermissionError("the file is read-only") from None


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _keep_aside(path: Path) -> Path:
    """Rename a database with the files that belong to it."""
    name = f"{path.name}.kept-{time.strftime('%Y%m%d-%H%M%S')}"
    kept, count = path.with_name(name), 1
    while kept.exists():
        count += 1
        kept = path.with_name(f"{name}-{count}")
    path.rename(kept)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(kept.with_name(kept.name + suffix))
    return kept


def _connect(path: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.text_factory = _decode
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                _prepare(connection)
                return connection
            except sqlite3.OperationalError as error:
                # SQLite does not wait by itself when two processes both make a new file a WAL one
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
    except sqlite3.DatabaseError as error:
        connection.close()
        # its subclasses are about what was asked; the class itself is about the file
        if type(error) is sqlite3.DatabaseError:
            raise _UnusableError("is damaged") from None
        raise
    except BaseException:
        connection.close()
        raise


def _prepare(connection: sqlite3.Connection) -> None:
    version = _number(connection, "PRAGMA user_version")
    tables = _number(connection, "SELECT count(*) FROM sqlite_master")
    if tables and _number(connection, "PRAGMA application_id") != APPLICATION:
        raise _ForeignError
    if version > len(VERSIONS):
        raise _UnusableError("was written by a newer picochat")
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise _UnusableError("is damaged")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    # with WAL a crash of the program loses nothing, and one of the machine the last messages at most
    connection.execute("PRAGMA synchronous = NORMAL")
    if version < len(VERSIONS):
        _upgrade(connection)


def _upgrade(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # another process may have been here first
        for statements in VERSIONS[_number(connection, "PRAGMA user_version") :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(VERSIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def as_bytes(text: str | None) -> bytes | None:
    """What `CAST(? AS TEXT)` takes: the driver itself refuses lone surrogates, which paths and arguments may hold."""
    return None if text is None else text.encode("utf-8", "surrogatepass")


def _decode(data: bytes) -> str:
    """Text as `as_bytes` put it in; what another program may have written is read as far as it can be."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")
