"""Reading without holding: blocks, lines, pieces, and the formats that need a package more."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.errors import DataError
from picochat.text import reading
from picochat.text.chat_format import Message
from picochat.text.corpus import Conversation, Text, read_corpus, read_documents
from picochat.text.datasets import HubDataset
from picochat.text.reading import read_blocks, split_lines
from tests.conftest import chat_text

TALK = Conversation((Message("user", "Hi"), Message("assistant", "Ho")))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK", 3)


@given(st.text(alphabet="ab\n\r é😀", max_size=60))
def test_blocks_give_the_text_whatever_their_size(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("t") / "a.txt"
    path.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "BLOCK", 3)
        assert "".join(read_blocks(path)) == text.replace("\r\n", "\n").replace("\r", "\n")


@given(st.lists(st.text(alphabet="ab\n", max_size=9)), st.none() | st.integers(1, 5))
def test_lines_lose_nothing_and_only_long_ones_are_divided(blocks: list[str], longest: int | None) -> None:
    lines = list(split_lines(iter(blocks), longest))
    text = "".join(blocks)
    assert "".join(lines) == text
    if longest is None:
        assert lines == text.splitlines(keepends=True)
    assert all("\n" not in line[:-1] for line in lines)


@pytest.mark.usefixtures("small_blocks")
def test_marks_and_conversations_are_found_across_blocks(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One.\n<|endoftext|>  \n\nTwo <|endoftext|>\n<|endoftext|>\n", encoding="utf-8")
    assert read_corpus(tmp_path / "a.txt") == [Text("One.\n"), Text("\nTwo <|endoftext|>\n")]
    (tmp_path / "b.txt").write_text(chat_text(), encoding="utf-8")
    assert len(read_corpus(tmp_path / "b.txt")) == 40


@pytest.mark.usefixtures("small_blocks")
def test_a_wrong_byte_is_told_at_its_place_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("naïve café ".encode() + b"\xff tail")
    with pytest.raises(DataError, match=r"0xff at position 13"):
        read_corpus(path)
    path.write_bytes(b"cut \xe2\x82")
    with pytest.raises(DataError, match=r"0xe2 at position 4"):
        read_corpus(path)


def test_the_first_document_comes_before_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": f"{number} " * 99}) + "\n" for number in range(30_000)), encoding="utf-8")
    read: list[int] = []
    documents = read_documents(path, meter=read.append)
    assert next(documents) == Text("0 " * 99)
    assert sum(read) <= reading.BLOCK < path.stat().st_size
    assert sum(1 for _ in documents) == 29_999
    assert sum(read) == path.stat().st_size


@given(st.text(alphabet="ab \n", min_size=1, max_size=200), st.integers(1, 20))
def test_long_texts_come_in_pieces_that_lose_only_blanks(
    tmp_path_factory: pytest.TempPathFactory, text: str, longest: int
) -> None:
    folder = tmp_path_factory.mktemp("t")
    (folder / "a.txt").write_text(text, encoding="utf-8")
    (folder / "b.jsonl").write_text(json.dumps({"text": text}), encoding="utf-8")
    for name in ("a.txt", "b.jsonl"):
        if not text.strip():
            continue
        pieces = [
            document.content for document in read_documents(folder / name, longest=longest) if isinstance(document, Text)
        ]
        assert "".join("".join(pieces).split()) == "".join(text.split())
        assert all(0 < len(piece) <= longest for piece in pieces)


def test_pieces_end_at_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A line.\n" * 100, encoding="utf-8")
    assert {document.size for document in read_documents(tmp_path / "a.txt", longest=30)} == {24, 8}


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]},
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}], "id": 1},
        {"conversations": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}], "messages": None},
    ],
)
def test_conversations_by_their_usual_names(tmp_path: Path, record: dict[str, Any]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(record), encoding="utf-8")
    assert read_corpus(tmp_path / "a.jsonl") == [TALK]


def test_documents_say_where_they_are_from(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A line.\n" * 100, encoding="utf-8")
    (tmp_path / "b.txt").write_text("User: Hi\nAssistant: Ho\n", encoding="utf-8")
    (tmp_path / "c.jsonl").write_text('{"text": "A", "source": "a book"}\n{"text": "B"}', encoding="utf-8")
    sources = [document.source for document in read_documents(tmp_path, longest=400)]
    assert sources == [*[str(tmp_path / "a.txt")] * 2, str(tmp_path / "b.txt"), "a book", str(tmp_path / "c.jsonl")]


# -- what needs a package more --------------------------------------------------------------------------------------------


def test_zst_reads_like_plain_text_and_tells_damage(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="needs picochat[zst]")
    pack = zstandard.ZstdCompressor().compress
    path = tmp_path / "c.txt.zst"
    path.write_bytes(pack(chat_text()[:100].encode()) + pack(chat_text()[100:].encode()))
    assert len(read_corpus(path)) == 40
    for damaged in (pack(b"text" * 999)[:-3], b"not zst at all"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="damaged or cut short"):
            read_corpus(path)


@pytest.mark.parametrize("columns", [{"text": ["One", "Two"]}, {"id": [1, 2], "text": ["One", "Two"]}])
def test_parquet_of_texts(tmp_path: Path, columns: dict[str, list[Any]]) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs picochat[hf]")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs picochat[hf]")
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet", row_group_size=1)
    read: list[int] = []
    assert list(read_documents(tmp_path, meter=read.append)) == [Text("One"), Text("Two")]
    assert sum(read) == (tmp_path / "a.parquet").stat().st_size


def test_parquet_of_conversations_and_parquet_that_holds_none(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs picochat[hf]")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs picochat[hf]")
    path = tmp_path / "a.parquet"
    rows = [[{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]]
    parquet.write_table(pyarrow.table({"conversations": rows}), path)
    assert read_corpus(path) == [TALK]
    parquet.write_table(pyarrow.table({"number": [1]}), path)
    with pytest.raises(DataError, match="no column"):
        read_corpus(path)
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match="can't be read"):
        read_corpus(path)


@pytest.mark.parametrize(
    ("name", "module", "extra"),
    [("a.txt.zst", "zstandard", "zst"), ("a.parquet", "pyarrow", "hf"), ("hf:a/b", "datasets", "hf")],
)
def test_a_missing_package_is_named_with_its_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str, extra: str
) -> None:
    (tmp_path / "a.txt.zst").write_bytes(b"x")
    (tmp_path / "a.parquet").write_bytes(b"x")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=rf"picochat\[{extra}\]"):
        read_corpus(name if name.startswith("hf:") else tmp_path / name)


@pytest.mark.parametrize(
    ("source", "parsed"),
    [
        ("hf:owner/name", HubDataset("owner/name")),
        ("hf:owner/name/test", HubDataset("owner/name", None, "test")),
        ("hf:name:plain/test", HubDataset("name", "plain", "test")),
        ("hf:owner/name:plain", HubDataset("owner/name", "plain")),
        ("hf:name:/test", HubDataset("name", None, "test")),
        ("hf:name", HubDataset("name")),
    ],
)
def test_names_of_data_sets(source: str, parsed: HubDataset) -> None:
    assert HubDataset.parse(source) == parsed


@pytest.mark.parametrize("source", ["hf:", "hf:/", "hf:a/b/c/d", "hf::x", "hf:a:b/c/d"])
def test_names_that_are_none(source: str) -> None:
    with pytest.raises(DataError, match="is written hf:"):
        HubDataset.parse(source)


def test_a_data_set_is_streamed_through_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub itself can't be reached from a test; a module with the library's signature stands in."""
    asked: list[tuple[Any, ...]] = []

    def load_dataset(path: str, name: str | None = None, **options: Any) -> Iterator[dict[str, Any]]:
        asked.append((path, name, options))
        if path == "no/such":
            raise FileNotFoundError("no such data set\nand more")
        return iter([{"text": "One", "id": 1}, {"text": "", "id": 2}, {"text": "Two", "id": 3}])

    stand_in: Any = ModuleType("datasets")
    stand_in.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", stand_in)
    assert list(read_documents("hf:a/b:c/d", revision="e")) == [Text("One"), Text("Two")]
    assert asked == [("a/b", "c", {"split": "d", "streaming": True, "revision": "e"})]
    with pytest.raises(DataError, match=r"hf:no/such can't be read \(FileNotFoundError: no such data set\)"):
        read_corpus("hf:no/such")
    hub: Any = ModuleType("huggingface_hub")
    hub.dataset_info = lambda name: SimpleNamespace(sha=f"sha of {name}")
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    assert HubDataset("a/b").revision() == "sha of a/b"
