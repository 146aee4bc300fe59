from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picochat.chat import database
from picochat.chat.store import ConversationStore, StoredMessage
from picochat.errors import HistoryError

ANY_TEXT = st.text(st.characters(exclude_categories=()))


def user(content: str) -> StoredMessage:
    return StoredMessage("user", content)


def answer(content: str, **known: object) -> StoredMessage:
    return StoredMessage("assistant", content, **known)  # type: ignore[arg-type]


def talk(store: ConversationStore, *contents: str) -> int:
    conversation = store.create()
    for position, content in enumerate(contents):
        store.put(conversation, position, answer(content) if position % 2 else user(content))
    return conversation


def contents(store: ConversationStore, conversation: int) -> list[str]:
    return [message.content for message in store.load(conversation).messages]


def found(store: ConversationStore, query: str) -> list[tuple[int, int]]:
    return [(hit.conversation, hit.position) for hit in store.search(query)]


@pytest.fixture
def store() -> ConversationStore:
    return ConversationStore(None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.sqlite3"


# -- what is put in comes out ---------------------------------------------------------------------------------------------


def test_everything_known_of_an_answer_comes_back(path: Path) -> None:
    known = StoredMessage(
        "assistant",
        "Hello!",
        stop="end",
        seed=2**63 - 1,
        settings={"temperature": 0.8, "stop": ["###"], "max_tokens": None},
        model="runs/conv/best.pt",
        model_digest="abc",
        tokens=12,
        seconds=0.25,
        created=1.5,
    )
    store = ConversationStore(path)
    conversation = store.create(system="Be kind.")
    store.put(conversation, 0, user("Hi"))
    store.put(conversation, 1, known)
    store.close()
    loaded = ConversationStore(path).load(conversation)
    assert loaded.messages[1] == known
    assert (loaded.system, loaded.title, loaded.parent) == ("Be kind.", "Hi", None)


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
@settings(max_examples=50)
def test_any_text_comes_back(content: str, system: str, model: str) -> None:
    store = ConversationStore(None)
    conversation = store.create(system)
    store.put(conversation, 0, StoredMessage("user", content, model=model, settings={"stop": [content]}))
    loaded = store.load(conversation)
    assert (loaded.messages[0].content, loaded.system, loaded.messages[0].model) == (content, system, model)
    assert loaded.messages[0].settings == {"stop": [content]}
    assert len(loaded.title) <= 60


def test_five_thousand_messages_come_back_in_order(path: Path) -> None:
    store = ConversationStore(path)
    said = [f"message {number}" for number in range(5000)]
    conversation = talk(store, *said)
    assert contents(store, conversation) == said
    assert store.list()[0].messages == 5000
    assert found(store, "4711") == [(conversation, 4711)]


def test_only_its_owner_may_read_the_file(path: Path) -> None:
    talk(ConversationStore(path), "Hi")
    if os.name == "posix":
        assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}


# -- a conversation changes -----------------------------------------------------------------------------------------------


def test_put_replaces_and_removes_what_came_after(store: ConversationStore) -> None:
    conversation = talk(store, "one", "two", "three", "four")
    store.put(conversation, 1, answer("other"))
    assert contents(store, conversation) == ["one", "other"]
    store.truncate(conversation, 1)
    assert contents(store, conversation) == ["one"]
    store.truncate(conversation, 5)
    assert contents(store, conversation) == ["one"]


def test_the_first_message_is_the_title_until_one_is_given(store: ConversationStore) -> None:
    conversation = talk(store, "\n  How   are you?\nI am well.")
    assert store.load(conversation).title == "How are you?"
    store.put(conversation, 0, user("x" * 100))
    title = store.load(conversation).title
    assert (len(title), title[-1]) == (60, "…")
    store.rename(conversation, "Mine")
    store.put(conversation, 0, user("again"))
    assert store.list()[0].title == store.load(conversation).title == "Mine"
    store.rename(conversation, "")
    assert store.load(conversation).title == "again"


def test_the_system_prompt_changes_and_goes(store: ConversationStore) -> None:
    conversation = store.create()
    store.set_system(conversation, "Be brief.")
    assert store.load(conversation).system == "Be brief."
    store.set_system(conversation, None)
    assert store.load(conversation).system is None


def test_a_branch_holds_what_came_before_and_knows_its_parent(store: ConversationStore) -> None:
    conversation = store.create("Be kind.")
    for position, content in enumerate(["one", "two", "three"]):
        store.put(conversation, position, user(content))
    branch = store.branch(conversation, 2)
    store.put(branch, 2, user("other"))
    loaded = store.load(branch)
    assert [message.content for message in loaded.messages] == ["one", "two", "other"]
    assert (loaded.system, loaded.parent, loaded.parent_position) == ("Be kind.", conversation, 2)
    assert contents(store, conversation) == ["one", "two", "three"]
    store.delete(conversation)
    assert store.load(branch).parent is None
    assert contents(store, branch) == ["one", "two", "other"]


def test_a_branch_keeps_every_field(store: ConversationStore) -> None:
    conversation = store.create()
    store.put(conversation, 0, answer("a\0b\ud800", stop="end", seed=3, settings={"top_k": 4}, model="m", created=9.0))
    assert store.load(store.branch(conversation, 1)).messages == store.load(conversation).messages


def test_lists_are_newest_first_and_leave_out_the_empty(store: ConversationStore) -> None:
    first, second = talk(store, "first"), talk(store, "second")
    store.create()
    assert [entry.id for entry in store.list()] == [second, first]
    store.put(first, 1, answer("more"))
    assert [(entry.id, entry.messages) for entry in store.list()] == [(first, 2), (second, 1)]
    assert [entry.id for entry in store.list(limit=1, offset=1)] == [second]
    assert store.latest() == first
    store.delete(first)
    store.truncate(second, 0)
    assert (store.list(), store.latest()) == ([], None)


def test_the_id_of_a_deleted_conversation_is_not_used_again(store: ConversationStore) -> None:
    conversation = talk(store, "Hi")
    store.delete(conversation)
    assert store.create() != conversation


def test_places_are_counted_anew_where_a_message_is_missing(store: ConversationStore) -> None:
    conversation = store.create()
    for position in (1, 2, 5):
        store.put(conversation, position, user(f"at {position}"))
    assert contents(store, conversation) == ["at 1", "at 2", "at 5"]
    store.put(conversation, 2, user("new"))
    assert contents(store, conversation) == ["at 1", "at 2", "new"]


@given(st.lists(st.tuples(st.sampled_from(["put", "truncate", "branch"]), st.integers(0, 8), ANY_TEXT), max_size=12))
@settings(max_examples=50)
def test_it_behaves_like_a_list(steps: list[tuple[str, int, str]]) -> None:
    store, model = ConversationStore(None), list[str]()
    conversation = store.create()
    for step, place, text in steps:
        position = min(place, len(model))
        del model[position:]
        if step == "put":
            store.put(conversation, position, user(text))
            model.append(text)
        elif step == "truncate":
            store.truncate(conversation, position)
        else:
            conversation = store.branch(conversation, position)
        assert contents(store, conversation) == model
    words = store._connection.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    assert words.fetchall() == []


# -- search ---------------------------------------------------------------------------------------------------------------


def test_all_words_must_occur_whatever_their_case_accents_and_order(store: ConversationStore) -> None:
    conversation = talk(store, "The café by the river", "A river of Coffee")
    assert found(store, "CAFE river") == [(conversation, 0)]
    assert found(store, "river") == [(conversation, 1), (conversation, 0)]
    assert found(store, "café coffee") == []
    assert found(store, "") == found(store, " \0\n") == []
    assert len(store.search("river", limit=1)) == 1


def test_the_last_word_may_be_a_beginning(store: ConversationStore) -> None:
    talk(store, "The river runs")
    assert len(found(store, "river ru")) == 1
    assert found(store, "ru river") == found(store, "riv ") == []


def test_operators_are_words(store: ConversationStore) -> None:
    talk(store, "this or that", "near and not far*")
    assert len(found(store, "this OR")) == 1
    assert found(store, "this OR elephant") == []
    assert len(found(store, "NOT far")) == 1
    assert len(found(store, "near and")) == 1


@pytest.mark.parametrize("query", ["世界", "😀", "++", "สวัสดี", "*", '"'])
def test_scripts_without_spaces_and_signs_are_found(store: ConversationStore, query: str) -> None:
    conversation = talk(store, f'C++ *is* 你好世界 so😀 ผมสวัสดีครับ {"far " * 50}"end', "other")
    (hit,) = store.search(query)
    assert hit.conversation == conversation
    ((start, end),) = hit.marks
    assert hit.snippet[start:end] == query


def test_a_hit_shows_the_text_around_it(store: ConversationStore) -> None:
    conversation = talk(store, "title", f"{'before ' * 50}\nthe Needle here\n{'after ' * 50}")
    (hit,) = store.search("needle")
    assert (hit.conversation, hit.position, hit.role, hit.title) == (conversation, 1, "assistant", "title")
    assert "the Needle here" in hit.snippet
    assert "\n" not in hit.snippet
    assert len(hit.snippet) <= 200
    assert [hit.snippet[start:end] for start, end in hit.marks] == ["Needle"]


@given(ANY_TEXT, ANY_TEXT)
@settings(max_examples=100)
def test_any_search_is_safe(content: str, query: str) -> None:
    store = ConversationStore(None)
    talk(store, content, 'word NEAR (x) "y" *')
    for hit in store.search(query) + store.search(content):
        assert all(0 <= start <= end <= len(hit.snippet) for start, end in hit.marks)


@pytest.mark.parametrize(
    "query",
    [
        "NEAR(",
        "a NEAR/2 b",
        '"',
        '""',
        "*",
        "a*",
        "(",
        "content:x",
        "-x",
        "^x",
        "{x}",
        "a AND",
        "OR",
        "\\",
        "x" * 10**6,
        " ".join(map(str, range(5000))),
    ],
    ids=lambda query: query[:12].encode("ascii", "replace").decode(),
)
def test_no_search_is_too_strange(store: ConversationStore, query: str) -> None:
    talk(store, "something else")
    assert store.search(query) == []


@given(st.text(st.sampled_from("abcXYZäß 你好😀.-'\"*"), min_size=1))
@settings(max_examples=100)
def test_every_word_of_a_message_finds_it(content: str) -> None:
    store = ConversationStore(None)
    conversation = talk(store, content)
    for word in content.split():
        assert found(store, word) == [(conversation, 0)]
    assert bool(found(store, content)) == bool(content.split())


def test_search_follows_replacing_and_deleting(store: ConversationStore) -> None:
    kept, conversation = talk(store, "river"), talk(store, "river", "bridge")
    store.put(conversation, 0, user("road"))
    assert found(store, "river") == [(kept, 0)]
    assert found(store, "bridge") == []
    assert found(store, "road") == [(conversation, 0)]
    store.truncate(conversation, 0)
    assert found(store, "road") == []
    store.delete(kept)
    assert found(store, "river") == []


# -- what is not there, and what can't be written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "act",
    [
        lambda store, number: store.load(number),
        lambda store, number: store.put(number, 0, user("x")),
        lambda store, number: store.truncate(number, 0),
        lambda store, number: store.set_system(number, "x"),
        lambda store, number: store.rename(number, "x"),
        lambda store, number: store.delete(number),
        lambda store, number: store.branch(number, 0),
    ],
    ids=["load", "put", "truncate", "set_system", "rename", "delete", "branch"],
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
    first = store.load(conversation).messages[0]
    assert first.settings == {}
    assert first.content.endswith("A")
    assert len(store.list()) == 1


# -- files that can't be used ---------------------------------------------------------------------------------------------


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


# -- several at once ------------------------------------------------------------------------------------------------------

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
