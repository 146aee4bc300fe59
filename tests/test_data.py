"""The conversations that the shipped model learns from."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from picochat.text.corpus import Conversation, read_corpus

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture(scope="module")
def conversations() -> list[Conversation]:
    documents = read_corpus(DATA / "conv.txt")
    assert all(isinstance(document, Conversation) for document in documents)
    return documents  # type: ignore[return-value]


def test_the_script_writes_the_same_file_again(tmp_path: Path) -> None:
    out = tmp_path / "conv.txt"
    subprocess.run([sys.executable, DATA / "make_conv.py", "--out", out], check=True, capture_output=True)
    assert out.read_bytes() == (DATA / "conv.txt").read_bytes()


def test_there_are_enough_and_none_twice(conversations: list[Conversation]) -> None:
    assert len(conversations) >= 3000
    assert len(set(conversations)) == len(conversations)


def test_speakers_take_turns_and_the_assistant_has_the_last_word(conversations: list[Conversation]) -> None:
    for conversation in conversations:
        roles = [message.role for message in conversation.messages if message.role != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert 2 <= len(roles) <= 36


def test_replies_vary(conversations: list[Conversation]) -> None:
    replies = Counter(m.content for c in conversations for m in c.messages if m.role == "assistant")
    assert len(replies) > 0.6 * replies.total()
    assert replies.most_common(1)[0][1] < 0.01 * replies.total()
