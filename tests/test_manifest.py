from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from picochat.manifest import Entry, fault, read_manifest, write_manifest

names = st.sampled_from(["best.pt", "steps/step-000040.pt", "states/step-000040.pt", "états/ü.pt"])
entries = st.builds(
    Entry, names, st.integers(0, 10**9), st.integers(0, 2**50), st.text("0123456789abcdef", min_size=64, max_size=64)
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("manifest")


@given(listed=st.lists(entries, max_size=5))
def test_what_is_listed_is_read_back(folder: Path, listed: list[Entry]) -> None:
    write_manifest(folder, listed)
    assert read_manifest(folder) == listed


@given(listed=st.lists(entries, min_size=1, max_size=3), data=st.data())
def test_a_damaged_manifest_lists_the_same_or_nothing(folder: Path, listed: list[Entry], data: st.DataObject) -> None:
    write_manifest(folder, listed)
    content = bytearray((folder / "manifest.json").read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    (folder / "manifest.json").write_bytes(content)
    # a blank more or less between two fields is no damage
    assert read_manifest(folder) in ([], listed)


@pytest.mark.parametrize(
    "content", ["", "null", "[]", "7", '{"files": 3}', '{"files": [{}]}', "[" * 100_000, "\x00", '{"files": []}']
)
def test_what_is_no_manifest_lists_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    assert read_manifest(tmp_path) == []


@pytest.mark.parametrize("step", ["x", None, [], 1e400])
def test_a_manifest_of_other_types_lists_nothing(tmp_path: Path, step: object) -> None:
    files = [{"name": "best.pt", "step": step, "size": 1, "sha256": "0"}]
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    (tmp_path / "manifest.json").write_text(json.dumps({"format": "picochat-run/1", "files": files, "sha256": digest}))
    assert read_manifest(tmp_path) == []


def test_there_is_none(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) == []
    (tmp_path / "manifest.json").mkdir()
    assert read_manifest(tmp_path) == []


def entry_of(path: Path) -> Entry:
    content = path.read_bytes()
    return Entry(path.name, 1, len(content), hashlib.sha256(content).hexdigest())


def test_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"w": torch.arange(100)}, path)
    listed = [entry_of(path)]
    assert fault(tmp_path, "a.pt", listed) == ""
    assert fault(tmp_path, "a.pt", []) == ""
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    assert fault(tmp_path, "a.pt", listed) == f"it has {len(content) - 1:,} bytes, and should have {len(content):,}"
    assert "cut short" in fault(tmp_path, "a.pt", [])
    path.write_bytes(content[:700] + bytes([content[700] ^ 1]) + content[701:])
    assert fault(tmp_path, "a.pt", listed) == "its hash is not the one in the manifest"
    path.unlink()
    assert fault(tmp_path, "a.pt", listed) == "it is missing"
    path.mkdir()
    assert "can't be read" in fault(tmp_path, "a.pt", [])


def test_a_file_that_is_being_replaced_may_be_either(tmp_path: Path) -> None:
    for name, value in (("a.pt", 1), ("b.pt", 2), ("c.pt", 3)):
        torch.save({"w": torch.tensor(value)}, tmp_path / name)
    old, new = (
        Entry("best.pt", 1, entry.size, entry.sha256) for entry in map(entry_of, (tmp_path / "a.pt", tmp_path / "b.pt"))
    )
    for name, says in (("a.pt", ""), ("b.pt", ""), ("c.pt", "its hash is not the one in the manifest")):
        shutil.copy(tmp_path / name, tmp_path / "best.pt")
        assert fault(tmp_path, "best.pt", [old, new]) == says
