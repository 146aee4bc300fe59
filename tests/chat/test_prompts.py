from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pytest

from picochat.chat import prompts
from picochat.chat.prompts import PromptHistory


def recalled(history: PromptHistory) -> list[str]:
    """All that can be recalled, the newest first."""
    texts = []
    while (text := history.older("")) is not None:
        texts.append(text)
    return texts


def test_texts_come_back_in_the_next_chat_newest_first(tmp_path: Path) -> None:
    first = PromptHistory(tmp_path / "prompts")
    for text in ("one", "two\nlines", "two\nlines", "ünï\u2028\ud800"):
        first.add(text)
    assert recalled(PromptHistory(tmp_path / "prompts")) == ["ünï\u2028\ud800", "two\nlines", "one"]
    assert stat.S_IMODE((tmp_path / "prompts").stat().st_mode) == 0o600


def test_the_draft_is_kept() -> None:
    history = PromptHistory()
    history.add("one")
    assert history.newer() is None
    assert history.older("draft") == "one"
    assert history.older("one") is None
    assert history.newer() == "draft"
    assert history.newer() is None


def test_damaged_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "prompts"
    path.write_bytes(b'"good"\n\xff\xfe\n{"a": 1}\n' + b"[" * 100_000 + b'\n"torn')
    history = PromptHistory(path)
    history.add("new")
    assert recalled(history) == ["new", "good"]
    # a line that was cut off takes no other with it
    assert recalled(PromptHistory(path)) == ["new", "good"]


def write_many(path: Path, name: str) -> None:
    history = PromptHistory(path)
    for number in range(100):
        history.add(f"{name} {number} " + "x" * 20_000)


def test_chats_at_once_write_whole_lines_also_while_the_file_is_trimmed(tmp_path: Path) -> None:
    path = tmp_path / "prompts"
    writers = [multiprocessing.get_context("spawn").Process(target=write_many, args=(path, name)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
    assert prompts.FILE_LIMIT // 4 < path.stat().st_size <= prompts.FILE_LIMIT
    lines = path.read_bytes().splitlines()
    assert all(prompts._text_of(line).endswith("x" * 20_000) for line in lines)
    texts = recalled(PromptHistory(path))
    assert len(texts) == len(lines)
    for name in "ab":
        # the newest of each, none missing between
        numbers = [int(text.split()[1]) for text in texts if text[0] == name]
        assert numbers == list(range(99, 99 - len(numbers), -1))
    assert {path.name for path in tmp_path.iterdir()} == {"prompts", ".prompts.lock"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_stays_small_and_keeps_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "FILE_LIMIT", 1000)
    history = PromptHistory(tmp_path / "prompts")
    for number in range(500):
        history.add(f"text {number}")
        assert (tmp_path / "prompts").stat().st_size <= 1000
    assert recalled(history) == [f"text {number}" for number in range(499, -1, -1)]
    kept = recalled(PromptHistory(tmp_path / "prompts"))
    assert len(kept) >= 30
    assert kept == [f"text {number}" for number in range(499, 499 - len(kept), -1)]


def test_a_trim_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompts, "FILE_LIMIT", 100)
    path = tmp_path / "prompts"
    path.write_text("".join(f'"text {number}"\n' for number in range(50)))
    (tmp_path / ".prompts.new").mkdir()
    PromptHistory(path).add("last")
    assert path.read_text().splitlines() == [f'"text {number}"' for number in range(50)] + ['"last"']


def test_a_very_long_text_is_remembered_but_not_written(tmp_path: Path) -> None:
    history = PromptHistory(tmp_path / "prompts")
    history.add("short")
    history.add("x" * (prompts.TEXT_LIMIT + 1))
    assert len(recalled(history)) == 2
    assert recalled(PromptHistory(tmp_path / "prompts")) == ["short"]


def test_no_more_than_so_many_are_kept() -> None:
    history = PromptHistory()
    for number in range(prompts.KEPT + 10):
        history.add(str(number))
    assert len(recalled(history)) == prompts.KEPT


def test_a_place_that_cannot_be_used_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "prompts"):
        history = PromptHistory(path)
        history.add("one")
        assert recalled(history) == ["one"]
