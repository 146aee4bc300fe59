from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picochat.datatools import json_records
from picochat.datatools.json_records import read_records
from picochat.errors import DataError
from picochat.text import reading

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
RECORDS = st.lists(st.dictionaries(st.text(max_size=5), VALUES, max_size=3), max_size=6)


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def values(path: Path) -> list[Any]:
    return [value for _, value in read_records(path)]


@given(records=RECORDS, indent=st.sampled_from([None, 2]), ascii_only=st.booleans(), block=st.integers(1, 40))
def test_every_way_to_write_records(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], indent: int | None, ascii_only: bool, block: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    listed = json.dumps(records, indent=indent, ensure_ascii=ascii_only)
    lines = [json.dumps(record, indent=indent, ensure_ascii=ascii_only) for record in records]
    with pytest.MonkeyPatch.context() as patch:
        # cut everywhere
        patch.setattr(reading, "BLOCK", block)
        assert values(write(folder / "list.json", f" {listed}\n")) == records
        assert values(write(folder / "row.json", "\n".join(lines))) == records
        if indent is None:
            assert values(write(folder / "lines.jsonl", "\n\n".join(lines))) == records
            assert values(write(folder / "lines.jsonl.gz", gzip.compress("\n".join(lines).encode()))) == records


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n{"a": 2}', r"a\.jsonl, line 2: malformed JSON"),
        ("a.jsonl", '{"a": 1}\n' + "[" * 100_000, "line 2: malformed JSON"),
        ("a.json", '[{"a": 1},\n{"a" 2}]', r"a\.json, line 2: malformed JSON \(Expecting ':' delimiter"),
        ("a.json", '[{"a": 1},\n{"a": "b', "line 2: malformed JSON"),
        ("a.json", '[{"a": 1},\n{"a": "b"}\n', "line 3: malformed JSON .the end is missing"),
        ("a.json", '[{"a": 1}\n{"a": 2}]', "line 2: malformed JSON .a comma is missing"),
        ("a.json", '[{"a": 1}]\n{}', "line 2: malformed JSON .more follows"),
        ("a.json", '[{"a": 1},]', "malformed JSON"),
        ("a.json", "[" * 100_000, "malformed JSON"),
        ("a.json", '[{"a": ' + "1" * 5_000 + "}]", "malformed JSON"),
        ("a.json", b'[{"a": "\xff"}]', "not UTF-8"),
        ("a.json", '{"a": 1}'.encode("utf-16"), r"a\.json is a binary file|not UTF-8"),
        ("none.json", None, "can't be read"),
    ],
)
def test_bad_files_are_named_with_their_line(tmp_path: Path, name: str, content: str | bytes | None, expected: str) -> None:
    path = tmp_path / name
    if content is not None:
        write(path, content)
    with pytest.raises(DataError, match=expected) as told:
        values(path)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_record_beyond_all_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(json_records, "LONGEST", 1000)
    monkeypatch.setattr(reading, "BLOCK", 100)
    path = write(tmp_path / name, '{"a": 1}\n{"a": "' + "x" * 5000)
    with pytest.raises(DataError, match=r"line 2.*more than 1,000 characters"):
        values(path)


def test_a_list_is_read_as_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes first is there before what is damaged later is read."""
    monkeypatch.setattr(reading, "BLOCK", 64)
    path = write(tmp_path / "a.json", "[" + '{"a": 1},\n' * 100 + "oops")
    records = read_records(path)
    assert next(records) == (f"{path}, line 1, conversation 1", {"a": 1})
    assert next(records) == (f"{path}, line 2, conversation 2", {"a": 1})
    with pytest.raises(DataError, match="line 101"):
        list(records)
