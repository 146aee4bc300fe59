from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.errors import DataError
from picochat.text.chat_format import Part
from picochat.text.corpus import Conversation, Text, read_corpus, split_corpus
from tests.conftest import chat_text

TALK = "System: Be kind.\nUser: Hi\nAssistant: Hello\nthere\n\n\n\nUser: Bye\nAssistant: Bye!\n"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def said(document: object) -> list[tuple[str, str]]:
    assert isinstance(document, Conversation)
    return [(message.role, message.content) for message in document.messages]


EXPECTED = [
    [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello\nthere")],
    [("user", "Bye"), ("assistant", "Bye!")],
]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_conversation_text(tmp_path: Path, newline: str, mark: str) -> None:
    path = write(tmp_path / "c.txt", mark + TALK.replace("\n", newline))
    assert [said(document) for document in read_corpus(path)] == EXPECTED


@pytest.mark.parametrize(("suffix", "pack"), [(".xz", lzma.compress), (".gz", gzip.compress)])
def test_compressed_files_read_like_plain_ones(tmp_path: Path, suffix: str, pack) -> None:
    path = write(tmp_path / f"c.txt{suffix}", pack(TALK.encode()))
    assert [said(document) for document in read_corpus(path)] == EXPECTED


def test_jsonl_of_messages_and_of_texts(tmp_path: Path) -> None:
    lines = [{"messages": [{"role": role, "content": text} for role, text in talk]} for talk in EXPECTED]
    path = write(tmp_path / "c.jsonl", "\n".join([*map(json.dumps, lines), "", json.dumps({"text": "Once"})]))
    documents = read_corpus(path)
    assert [said(document) for document in documents[:2]] == EXPECTED
    assert documents[2] == Text("Once")


def test_weights_tell_which_answers_are_learnt(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Hi", "weight": 0}]
    messages += [{"role": "assistant", "content": "Hello", "weight": weight} for weight in (0, 1, 0.0, None)]
    (document,) = read_corpus(write(tmp_path / "c.jsonl", json.dumps({"messages": messages})))
    assert isinstance(document, Conversation)
    assert [message.part for message in document.messages] == [
        Part.USER, Part.GIVEN, Part.ASSISTANT, Part.GIVEN, Part.ASSISTANT,
    ]  # fmt: skip


def test_plain_text_and_its_document_marks(tmp_path: Path) -> None:
    assert read_corpus(write(tmp_path / "a.txt", "One.\n\nTwo: three.\n")) == [Text("One.\n\nTwo: three.\n")]
    assert read_corpus(write(tmp_path / "b.txt", "One.\n<|endoftext|>\nTwo.\n")) == [Text("One.\n"), Text("Two.\n")]


def test_a_folder_is_all_its_texts(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write(tmp_path / "a.txt", "A.")
    write(tmp_path / "sub" / "b.txt.xz", lzma.compress(b"B."))
    write(tmp_path / "picture.png", b"\x89PNG")
    assert read_corpus(tmp_path) == [Text("A."), Text("B.")]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.txt", b"", "is empty"),
        ("blank.txt", b" \n\n ", "is empty"),
        ("latin.txt", "caf\xe9".encode("latin-1"), "not UTF-8"),
        ("binary.txt", b"\x00\x01\x02text", "binary"),
        ("cut.txt.xz", lzma.compress(b"text" * 999)[:-20], "damaged or cut short"),
        ("cut.txt.gz", gzip.compress(b"text" * 999, mtime=0)[:-20], "damaged or cut short"),
        ("wrong.txt.xz", b"not xz at all", "damaged or cut short"),
        ("bad.jsonl", b'{"messages": [}', "line 1"),
        ("bad.jsonl", b'{"text": "a"}\n{"messages": [{"role": "user"}]}', "line 2"),
        ("bad.jsonl", b'{"messages": [{"role": "robot", "content": "x"}]}', "line 1"),
        ("bad.jsonl", b'{"messages": [{"role": "assistant", "content": "x", "weight": 0.5}]}', "weight must be 0 or 1"),
        ("bad.jsonl", b"[1, 2]", "line 1"),
        ("bad.txt", b"User: a\nAssistant: b\n\nstray line\n", "line 4"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(DataError) as error:
        read_corpus(path)
    assert says in str(error.value)
    assert str(path) in str(error.value)


def test_nothing_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data file"):
        read_corpus(tmp_path / "none.txt")
    with pytest.raises(DataError, match="holds no"):
        read_corpus(tmp_path)


def test_conversations_split_by_document_and_copies_stay_together(tmp_path: Path) -> None:
    documents = read_corpus(write(tmp_path / "c.txt", chat_text() + "\n\n" + chat_text()))
    train, held_out = split_corpus(documents, 0.1, seed=1)
    assert len(train) + len(held_out) == len(documents) == 80
    assert 2 <= len(held_out) <= 12
    assert not set(train) & set(held_out)
    assert split_corpus(documents, 0.1, seed=1) == (train, held_out)
    assert split_corpus(documents, 0.1, seed=2)[1] != held_out


def test_one_long_text_gives_its_end(tmp_path: Path) -> None:
    text = "".join(f"Line {number}.\n" for number in range(1000))
    train, held_out = split_corpus([Text(text)], 0.1)
    assert train[0].content + held_out[0].content == text  # type: ignore[union-attr]
    assert held_out[0].content.startswith("Line ")  # type: ignore[union-attr]
    assert held_out[0].size == pytest.approx(len(text) * 0.1, rel=0.05)


def test_a_single_conversation_is_too_little(tmp_path: Path) -> None:
    path = write(tmp_path / "c.txt", "User: Hi\nAssistant: Hello\n")
    with pytest.raises(DataError, match="at least two"):
        split_corpus(read_corpus(path))


@given(st.lists(st.text(min_size=1), min_size=2, unique=True), st.integers(0, 5))
def test_a_split_loses_nothing(texts: list[str], seed: int) -> None:
    documents = [Conversation(()) if not text else Text(text * 30) for text in texts] * 10
    train, held_out = split_corpus(documents, 0.1, seed)
    assert sorted(map(repr, [*train, *held_out])) == sorted(map(repr, documents))


def test_empty_records_and_empty_files_among_others_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", '{"text": ""}\n{"messages": []}\n{"text": "A"}')
    write(tmp_path / "b.TXT", "B")
    write(tmp_path / "c.txt", "")
    assert read_corpus(tmp_path) == [Text("A"), Text("B")]
