from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pexpect
import pytest

from picochat.chat.store import ConversationStore, StoredMessage
from picochat.locations import history_database
from tests.e2e.test_generate import PICOCHAT, picochat


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "history" / "saved.sqlite3"
    monkeypatch.setenv("PICOCHAT_HISTORY", str(place))
    return place


@pytest.fixture
def saved(path: Path) -> Path:
    """A history with two conversations."""
    store = ConversationStore(path)
    for number, name in enumerate(["Ada", "Ben"], start=1):
        conversation = store.create("Be kind." if number == 2 else None)
        store.put(conversation, 0, StoredMessage("user", f"Hi, I'm {name}.\x1b[31m", created=1_700_000_000.0))
        answer = f"Hello {name}!\n# Nice to see you"
        store.put(
            conversation, 1, StoredMessage("assistant", answer, "end", 7, {"temperature": 0.8}, "best.pt", "abc", 5, 0.1)
        )
    store.close()
    return path


def history(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    return picochat("history", *arguments, **options)  # type: ignore[arg-type]


def rows(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, object]]:
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_list(saved: Path) -> None:
    lines = history("list").stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["2", "1"]
    assert "2 messages  Hi, I'm Ben." in lines[0]
    listed = rows(history("list", "--json", "--limit", 1))
    assert [(row["id"], row["messages"]) for row in listed] == [(2, 2)]
    assert set(listed[0]) == {"id", "title", "messages", "mode", "parent", "created", "updated"}


def test_branches_are_told(saved: Path) -> None:
    store = ConversationStore(saved)
    branch = store.branch(2, 1)
    store.close()
    assert b"Ben.\x1b[31m (branch of 2)\n" in history("list").stdout
    assert rows(history("list", "--json"))[0]["parent"] == 2
    (told,) = rows(history("show", branch, "--json"))
    assert (told["parent"], told["parent_position"]) == (2, 1)


def test_nothing_saved_is_nothing_shown_and_no_file(path: Path) -> None:
    for arguments in (["list"], ["list", "--json"], ["search", "x"]):
        done = history(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not path.exists()
    assert history("show", 1).returncode == 2


def test_show(saved: Path) -> None:
    done = history("show", 2)
    expected = "System: Be kind.\n\nYou: Hi, I'm Ben.\x1b[31m\n\npicochat: Hello Ben!\n# Nice to see you\n"
    assert (done.returncode, done.stdout.decode()) == (0, expected)
    (told,) = rows(history("show", 2, "--json"))
    assert [message["role"] for message in told["messages"]] == ["system", "user", "assistant"]  # type: ignore[attr-defined]


def test_search(saved: Path) -> None:
    assert b"Hello Ada!" in history("search", "hello ada").stdout
    found = rows(history("search", "--json", "hello"))
    assert [(hit["conversation"], hit["position"]) for hit in found] == [(2, 1), (1, 1)]
    assert rows(history("search", "--json", "--", '-" NEAR( *')) == []


def test_export_to_stdout_and_to_files(saved: Path, tmp_path: Path) -> None:
    markdown = history("export", 1).stdout.decode()
    assert markdown.startswith("---\ntitle: Hi, I'm Ada.")
    assert "\n\\# Nice to see you\n" in markdown
    for name, form in (("a.md", []), ("a.jsonl", []), ("deep/b.txt", ["--format", "json"])):
        done = history("export", 1, "--out", tmp_path / name, *form)
        assert (done.returncode, done.stdout) == (0, b"")
    assert (tmp_path / "a.md").read_text(encoding="utf-8") == markdown
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "deep/b.txt").read_bytes()
    assert (tmp_path / "a.jsonl").read_bytes() == history("export", 1, "-f", "json").stdout


def test_export_overwrites_only_when_told(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.md"
    out.write_text("precious")
    done = history("export", 1, "--out", out)
    assert done.returncode == 2
    assert "--force" in done.stderr.decode()
    assert out.read_text() == "precious"
    assert history("export", 99, "--out", out, "--force").returncode == 2
    assert out.read_text() == "precious"
    assert history("export", 1, "--out", out, "--force").returncode == 0
    assert out.read_text().startswith("---\n")
    done = history("export", 1, "--out", tmp_path / "mine.md" / "below")
    assert (done.returncode, b"Traceback" in done.stderr) == (2, False)


def test_delete_needs_a_yes(saved: Path) -> None:
    done = history("delete", 1)
    assert done.returncode == 2
    assert "--yes" in done.stderr.decode()
    assert len(rows(history("list", "--json"))) == 2
    assert history("delete", 1, "--yes").returncode == 0
    assert [row["id"] for row in rows(history("list", "--json"))] == [2]
    assert history("delete", 1, "--yes").returncode == 2


def test_delete_asks_on_a_terminal_and_shows_only_text(saved: Path) -> None:
    for reply, left in (("n", 2), ("y", 1)):
        child = pexpect.spawn(PICOCHAT[0], [*PICOCHAT[1:], "history", "delete", "2"], encoding="utf-8", timeout=60)
        child.expect(r"Delete conversation 2.*\[y/N\]")
        assert "\x1b[31m" not in child.after
        child.sendline(reply)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == (0 if reply == "y" else 1)
        assert len(rows(history("list", "--json"))) == left


def test_a_terminal_gets_only_text(saved: Path) -> None:
    for arguments in (["list"], ["show", "2"], ["search", "hi"], ["export", "2"]):
        child = pexpect.spawn(PICOCHAT[0], [*PICOCHAT[1:], "history", *arguments], encoding="utf-8", timeout=60)
        shown = child.read()
        assert "Ben" in shown
        assert "\x1b[31m" not in shown


@pytest.mark.parametrize("number", [3, 0, -1, 10**30])
def test_a_conversation_that_is_not_there(saved: Path, number: int) -> None:
    for command in (["show"], ["export"], ["delete", "--yes"]):
        done = history(*command, "--", number)
        assert (done.returncode, done.stdout) == (2, b"")
        assert f"no conversation {number};" in done.stderr.decode()
        assert done.stderr.count(b"\n") == 1


def test_a_damaged_history_is_kept_and_told_on_stderr(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database " * 100)
    done = history("list")
    assert (done.returncode, done.stdout) == (0, b"")
    assert "is kept as" in done.stderr.decode()
    assert history("list").stderr == b""


def test_a_name_alone_is_help_and_a_mistyped_one_is_told() -> None:
    done = history()
    assert done.returncode == 0
    for name in ("list", "show", "search", "export", "delete"):
        assert f"\n  {name} " in done.stdout.decode()
    done = history("lst")
    assert done.returncode == 2
    assert "picochat history --help" in done.stderr.decode()


def test_a_stdout_that_is_not_utf8(saved: Path) -> None:
    store = ConversationStore(saved)
    store.put(1, 0, StoredMessage("user", "Grüße 😀 \ud800"))
    store.close()
    for arguments in (["list"], ["show", 1], ["search", "grüße"], ["export", 1]):
        done = history(*arguments, env={**os.environ, "PYTHONIOENCODING": "ascii"})
        assert (done.returncode, done.stderr) == (0, b"")
        assert b"Gr" in done.stdout


def test_where_the_history_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICOCHAT_HISTORY", "~/talks.sqlite3")
    assert history_database() == Path.home() / "talks.sqlite3"
    monkeypatch.setenv("PICOCHAT_HISTORY", "")
    assert history_database().name == "history.sqlite3"
    monkeypatch.delenv("PICOCHAT_HISTORY")
    assert history_database().name == "history.sqlite3"
