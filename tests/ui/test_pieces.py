from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.chat.prompts import PromptHistory
from picochat.text.safe import printable


@given(st.text())
def test_shown_text_holds_no_control_characters(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any((ord(c) < 32 and c not in "\n\t") or 0x7F <= ord(c) < 0xA0 for c in shown)
    assert printable(shown) == shown


def test_text_that_is_text_stays_as_it_is() -> None:
    text = "Größe 東京 😀 [b] \\x1b\n\tend"
    assert printable(text) == text
    assert printable("a\x1b[2Jb\r") == "a␛[2Jb␍"


def test_prompts_survive_a_run_and_damage(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "prompts.jsonl"
    history = PromptHistory(path)
    for text in ("one", "two\nlines", "two\nlines"):
        history.add(text)
    with path.open("a", encoding="utf-8") as stream:
        stream.write('not json\n{"a": 1}\n"three"\n')
    again = PromptHistory(path)
    assert [again.older("draft") for _ in range(4)] == ["three", "two\nlines", "one", None]
    assert [again.newer() for _ in range(4)] == ["two\nlines", "three", "draft", None]


@pytest.mark.parametrize("content", [b"\xff\xfe", None])
def test_a_history_that_cannot_be_kept_does_not_matter(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "prompts"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    history = PromptHistory(path)
    history.add("x")
    assert history.older("") == "x"
