from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from picochat.chat import database
from picochat.chat.store import ConversationStore, StoredMessage
from picochat.errors import HistoryError
from tests.chat.history import answer, contents, found, talk, user


@pytest.mark.parametrize(
    "act",
    [
        lambda store, number: store.load(number),
        lambda store, number: store.put(number, 0, user("x")),
        lambda store, number: store.truncate(number, 0),
        lambda store, number: store.set_system(number, "x"),
        lambda store, number: store.rename(number, "x"),
        lambda store, number: store.delete(number),
        lambda store, number: store.branch(number),
        lambda store, number: store.set_mode(number, "single"),
    ],
    ids=["load", "put", "truncate", "set_system", "rename", "delete", "branch", "set_mode"],
)
@pytest.mark.parametrize("missing", [0, 7, -1, 2**63, 10**30])
def test_a_conversation_that_is_not_there(
    store: ConversationStore, act: Callable[[ConversationStore, int], object], missing: int
) -> None:
    with pytest.raises(HistoryError, match=f"no conversation {missing};"):
        act(store, missing)
    assert store.list() == []


@pytest.mark.parametrize(
    "record",
    [StoredMessage("robot", "x"), StoredMessage("user", "x", seed=2**64), StoredMessage("user", "x", created=float("nan"))],
)
def test_a_message_that_can_not_be_stored_changes_nothing(store: ConversationStore, record: StoredMessage) -> None:
    conversation = talk(store, "one", "two")
    with pytest.raises(HistoryError):
        store.put(conversation, 0, record)
    with pytest.raises(HistoryError):
        store.put(conversation, -1, user("x"))
    assert contents(store, conversation) == ["one", "two"]


def test_a_full_disk_is_told_and_survived(path: Path) -> None:
    store = ConversationStore(path)
    conversation = talk(store, "one")
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(HistoryError, match="disk is full"):
        store.put(conversation, 0, user("x" * 100_000))
    assert contents(store, conversation) == ["one"]
    store._connection.execute("PRAGMA max_page_count = 100000")
    store.put(conversation, 1, answer("two"))
    assert contents(store, conversation) == ["one", "two"]


def test_a_file_that_another_program_holds_is_told_and_survived(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    store = ConversationStore(path)
    conversation = talk(store, "one")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryError, match="in use by another program"):
        store.put(conversation, 1, answer("two"))
    assert contents(store, conversation) == ["one"]
    assert contents(ConversationStore(path), conversation) == ["one"]
    other.execute("ROLLBACK")
    store.put(conversation, 1, answer("two"))
    assert contents(store, conversation) == ["one", "two"]


def test_a_row_that_someone_spoilt_still_loads(path: Path) -> None:
    store = ConversationStore(path)
    conversation = talk(store, "one", "two")
    store._connection.execute(
        "UPDATE messages SET settings = '{broken', content = CAST(x'fffe41' AS TEXT) WHERE position = 0"
    )
    first, second = store.load(conversation).messages
    assert first.settings == {}
    assert first.content.endswith("A")
    assert second.content == "two"
    assert len(store.list()) == 1
    assert found(store, "two") == [(conversation, 1)]
    assert len(store.find("")) == 1


WRITER = """
import sys
from pathlib import Path
from picochat.chat.store import ConversationStore, StoredMessage
print("ready", flush=True)
sys.stdin.readline()
store = ConversationStore(Path(sys.argv[1]))
assert store.notice is None, store.notice
conversation = store.create()
for position in range(100):
    store.put(conversation, position, StoredMessage("user", f"{sys.argv[2]} {position}"))
print(conversation)
"""


def test_processes_that_write_at_once_lose_nothing(path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen([*command, f"writer{number}"], **pipes) for number in range(3)]  # type: ignore[call-overload]
    # all begin together, with a file that none of them has made yet
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    ids = [int(writer.communicate(timeout=120)[0]) for writer in writers]
    store = ConversationStore(path)
    for number, conversation in enumerate(ids):
        assert contents(store, conversation) == [f"writer{number} {position}" for position in range(100)]
        assert len(store.search(f"writer{number}", limit=1000)) == 100


def test_threads_share_a_store(path: Path) -> None:
    store, errors = ConversationStore(path), []

    def work(number: int) -> None:
        try:
            conversation = talk(store, *(f"thread{number} {position}" for position in range(50)))
            assert len(store.load(conversation).messages) == 50
            store.search(f"thread{number}")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sum(entry.messages for entry in store.list()) == 200
