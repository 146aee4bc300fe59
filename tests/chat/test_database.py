from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from picochat.chat import database
from picochat.chat.store import ConversationStore, StoredMessage
from tests.chat.history import contents, talk


def kept_files(path: Path) -> list[Path]:
    return sorted(file for file in path.parent.iterdir() if ".kept-" in file.name)


def many(path: Path) -> bytes:
    store = ConversationStore(path)
    talk(store, *(f"message {number} " * 20 for number in range(200)))
    store.close()
    return path.read_bytes()


@pytest.mark.parametrize("damage", ["text", "cut", "middle", "header"])
def test_a_damaged_file_is_kept_aside(path: Path, damage: str) -> None:
    data = many(path)
    spoilt = {
        "text": b"My thesis, which is no database.\n" * 100,
        "cut": data[: len(data) // 2],
        "middle": data[:8192] + b"\xa5" * (len(data) - 8192),
        "header": b"\0" * 100 + data[100:],
    }[damage]
    path.write_bytes(spoilt)
    Path(f"{path}-wal").write_bytes(b"what was there")
    store = ConversationStore(path)
    kept = kept_files(path)
    assert kept[0].read_bytes() == spoilt
    assert store.notice is not None
    assert str(kept[0]) in store.notice
    assert "damaged" in store.notice
    conversation = talk(store, "a new beginning")
    store.close()
    again = ConversationStore(path)
    assert (again.notice, contents(again, conversation)) == (None, ["a new beginning"])


def test_a_file_kept_aside_replaces_none(path: Path) -> None:
    for text in (b"first " * 50, b"second " * 50):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text)
        ConversationStore(path).close()
    assert {file.read_bytes()[:5] for file in kept_files(path)} == {b"first", b"secon"}


def test_a_newer_file_is_kept_aside(path: Path) -> None:
    many(path)
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    store = ConversationStore(path)
    assert store.notice is not None
    assert "newer picochat" in store.notice
    assert store.list() == []
    (kept,) = kept_files(path)
    assert sqlite3.connect(kept).execute("SELECT count(*) FROM messages").fetchone() == (200,)


def test_what_is_not_yet_in_the_main_file_is_kept_with_it(path: Path) -> None:
    many(path)
    newer = sqlite3.connect(path, isolation_level=None)
    newer.execute("UPDATE messages SET content = 'changed' WHERE position = 0")
    newer.execute("PRAGMA user_version = 99")
    store = ConversationStore(path)
    assert contents(store, talk(store, "Hi")) == ["Hi"]
    kept = kept_files(path)[0]
    assert [file.name for file in kept_files(path)] == [kept.name, f"{kept.name}-shm", f"{kept.name}-wal"]
    query = "SELECT content FROM messages WHERE position = 0"
    assert sqlite3.connect(kept).execute(query).fetchone() == ("changed",)
    newer.close()


def test_the_database_of_another_program_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.commit()
    before = path.read_bytes()
    store = ConversationStore(path)
    assert store.notice is not None
    assert "another program" in store.notice
    talk(store, "Hi")
    assert path.read_bytes() == before


def test_an_empty_file_is_a_new_history(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    store = ConversationStore(path)
    assert store.notice is None
    assert contents(store, talk(store, "Hi")) == ["Hi"]


@pytest.mark.parametrize("place", ["folder", "under a file"])
def test_a_place_that_can_not_be_written_is_told_and_done_without(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").touch()
    store = ConversationStore(tmp_path if place == "folder" else tmp_path / "file" / "history.sqlite3")
    assert store.notice is not None
    assert "nothing is saved" in store.notice
    assert contents(store, talk(store, "Hi")) == ["Hi"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_read_only_place_is_told_and_done_without(path: Path, what: str) -> None:
    many(path)
    place = path if what == "file" else path.parent
    mode = place.stat().st_mode
    place.chmod(0o400 if what == "file" else 0o500)
    try:
        store = ConversationStore(path)
        assert store.notice is not None
        assert "nothing is saved" in store.notice
        assert contents(store, talk(store, "Hi")) == ["Hi"]
    finally:
        place.chmod(mode)


# -- files of the first schema --------------------------------------------------------------------------------------------

FIRST_SCHEMA = """
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL DEFAULT '', system TEXT, created REAL NOT NULL,
    updated REAL NOT NULL, parent INTEGER REFERENCES conversations (id) ON DELETE SET NULL, parent_position INTEGER
);
CREATE INDEX conversations_by_time ON conversations (updated);
CREATE INDEX conversations_by_parent ON conversations (parent);
CREATE TABLE messages (
    id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    position INTEGER NOT NULL CHECK (position >= 0), role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant')),
    content TEXT NOT NULL, stop TEXT, seed INTEGER, settings TEXT NOT NULL, model TEXT, model_digest TEXT,
    tokens INTEGER, seconds REAL, created REAL NOT NULL, UNIQUE (conversation, position)
);
CREATE VIRTUAL TABLE words USING fts5 (
    content, content='messages', content_rowid='id', tokenize='unicode61 remove_diacritics 2'
);
CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
    INSERT INTO words (rowid, content) VALUES (new.id, new.content);
END;
CREATE TRIGGER message_removed AFTER DELETE ON messages BEGIN
    INSERT INTO words (words, rowid, content) VALUES ('delete', old.id, old.content);
END;
CREATE TRIGGER message_changed AFTER UPDATE OF content ON messages BEGIN
    INSERT INTO words (words, rowid, content) VALUES ('delete', old.id, old.content);
    INSERT INTO words (rowid, content) VALUES (new.id, new.content);
END;
PRAGMA application_id = 1885954927;
PRAGMA user_version = 1;
INSERT INTO conversations (title, system, created, updated) VALUES ('Café trip', 'Be kind.', 5, 6);
INSERT INTO messages (conversation, position, role, content, settings, created) VALUES (1, 0, 'user', 'Where to?', '{}', 5);
INSERT INTO messages
    (conversation, position, role, content, stop, seed, settings, model, model_digest, tokens, seconds, created)
    VALUES (1, 1, 'assistant', 'To the river.', 'end', 7, '{"top_k": 4}', 'best.pt', 'abc', 5, 0.5, 6);
INSERT INTO conversations (title, created, updated, parent, parent_position) VALUES ('', 7, 8, 1, 1);
INSERT INTO messages (conversation, position, role, content, settings, created) VALUES (2, 0, 'user', 'Where to?', '{}', 5);
"""


@pytest.fixture
def first(path: Path) -> Path:
    path.parent.mkdir()
    old = sqlite3.connect(path)
    old.executescript(FIRST_SCHEMA)
    old.close()
    return path


def test_a_history_of_the_first_schema_is_taken_over_whole(first: Path) -> None:
    store = ConversationStore(first)
    assert store.notice is None
    old = store.load(1)
    assert (old.title, old.system, old.mode, old.updated) == ("Café trip", "Be kind.", "conversation", 6)
    assert old.messages[1] == StoredMessage(
        "assistant", "To the river.", "end", 7, {"top_k": 4}, "best.pt", "abc", 5, 0.5, created=6
    )
    assert [(row.summary.id, row.summary.parent) for row in store.find("")] == [(2, 1), (1, None)]
    # names were in no index before
    assert [row.summary.id for row in store.find("cafe")] == [1]
    assert [row.summary.id for row in store.find("river")] == [1]
    store.close()
    assert sqlite3.connect(first).execute("PRAGMA user_version").fetchone() == (2,)
    assert kept_files(first) == []


def test_a_history_taken_over_goes_on_as_one_made_anew(first: Path) -> None:
    store = ConversationStore(first)
    store.put(1, 2, StoredMessage("user", "Why?", first_token_seconds=0.25))
    single = store.create(mode="single", title="Alone")
    store.put(single, 0, StoredMessage("user", "x"))
    store.rename(1, "Bridge")
    assert store.load(1).messages[2].first_token_seconds == 0.25
    assert store.load(single).mode == "single"
    assert [row.summary.id for row in store.find("alone")] == [single]
    assert store.find("cafe") == []
    for table in ("words", "titles"):
        store._connection.execute(f"INSERT INTO {table} ({table}) VALUES ('integrity-check')")
    fresh = ConversationStore(None)

    def columns(of: ConversationStore, table: str) -> list[tuple[object, ...]]:
        return of._connection.execute(f"PRAGMA table_info({table})").fetchall()

    for table in ("conversations", "messages"):
        assert columns(store, table) == columns(fresh, table)


def test_a_take_over_that_is_cut_short_leaves_the_file_as_it_was(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # what fails for ids that are there already works for a history without messages
    versions = (*database.VERSIONS, ("CREATE TABLE later (x)", "INSERT INTO messages SELECT * FROM messages"))
    monkeypatch.setattr(database, "VERSIONS", versions)
    store = ConversationStore(first)
    assert store.notice is not None
    assert "nothing is saved" in store.notice
    monkeypatch.undo()
    assert ConversationStore(first).load(1).title == "Café trip"
    assert kept_files(first) == []
