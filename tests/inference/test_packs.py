"""Packs in the user's cache: made once, whole or not at all, never stale."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from picochat.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from picochat.files import file_digest
from picochat.inference import packs
from picochat.inference.onnx_backend import OnnxLanes, Runner
from picochat.inference.packs import FACTS, GRAPH, PackStore, source_digest
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from tests.fakes import char_tokenizer


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    tokenizer = char_tokenizer()
    shape = {"layers": 1, "heads": 2, "dim": 32, "context": 32, "vocab_size": tokenizer.vocab_size}
    torch.manual_seed(0)
    model = GPT(ModelConfig.create(preset="nano", **shape))
    save_checkpoint(tmp_path / "tiny.pt", model, tokenizer, {"kind": "chat", "step": 3})
    return load_checkpoint(tmp_path / "tiny.pt")


def digest(checkpoint: Checkpoint) -> str:
    assert checkpoint.path is not None
    return file_digest(checkpoint.path)


def test_a_pack_is_made_once_and_found_again(checkpoint: Checkpoint, tmp_path: Path) -> None:
    store = PackStore(tmp_path / "packs")
    assert store.find(digest(checkpoint), "int8") is None
    made = store.make(digest(checkpoint), "int8", checkpoint)
    found = store.find(digest(checkpoint), "int8")
    assert found is not None
    assert found.folder == made.folder
    assert found.config == checkpoint.config
    assert found.tokenizer.to_json() == checkpoint.tokenizer.to_json()
    assert found.training == {"kind": "chat", "step": 3}
    assert store.find(digest(checkpoint), "fp32") is None
    assert store.find("0" * 64, "int8") is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "missing", "no facts", "nonsense", "another version"])
def test_a_damaged_pack_is_deleted(damage: str, checkpoint: Checkpoint, tmp_path: Path) -> None:
    store = PackStore(tmp_path / "packs")
    folder = store.make(digest(checkpoint), "fp32", checkpoint).folder
    data = folder / f"{GRAPH}.data"
    if damage == "cut":
        os.truncate(data, data.stat().st_size // 2)
    elif damage == "flipped":
        content = bytearray(data.read_bytes())
        content[100] ^= 1
        data.write_bytes(content)
    elif damage == "missing":
        (folder / GRAPH).unlink()
    elif damage == "no facts":
        (folder / FACTS).unlink()
    elif damage == "nonsense":
        (folder / FACTS).write_text('{"version": 1, "files": 3}')
    else:
        facts = json.loads((folder / FACTS).read_text())
        (folder / FACTS).write_text(json.dumps({**facts, "version": 0}))
    assert store.find(digest(checkpoint), "fp32") is None
    assert not folder.exists()
    assert store.make(digest(checkpoint), "fp32", checkpoint).folder == folder


def test_old_packs_make_room(checkpoint: Checkpoint, tmp_path: Path) -> None:
    store = PackStore(tmp_path / "packs", limit=0)
    first = store.make("1" * 64, "fp32", checkpoint)
    second = store.make("2" * 64, "fp32", checkpoint)
    assert not first.folder.exists()
    assert second.folder.exists()
    roomy = PackStore(tmp_path / "packs", limit=10**9)
    third = roomy.make("3" * 64, "fp32", checkpoint)
    os.utime(third.folder, (1, 1))
    assert roomy.find("3" * 64, "fp32") is not None  # used now: the other one is older
    roomy.limit = 1
    roomy.make("4" * 64, "fp32", checkpoint)
    assert [path.name[0] for path in roomy.root.iterdir()] == ["4"]


def test_what_a_killed_process_left_is_deleted_with_the_next_pack(checkpoint: Checkpoint, tmp_path: Path) -> None:
    old, new = (tmp_path / "packs" / f".{digit * 40}-fp32-1.unfinished-abc" for digit in "12")
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / GRAPH).write_bytes(b"half")
    for path in (old / GRAPH, old):
        os.utime(path, (1, 1))
    PackStore(tmp_path / "packs").make("3" * 64, "fp32", checkpoint)
    assert not old.exists()
    assert new.exists()  # another process may be at it


def test_a_place_that_can_not_be_written_is_no_obstacle(checkpoint: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = PackStore(tmp_path / "file" / "packs")
    pack = store.make(digest(checkpoint), "int8", checkpoint)
    assert pack.graph.is_file()
    assert tmp_path not in pack.folder.parents


def test_two_processes_at_once(checkpoint: Checkpoint, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from picochat.checkpoint import load_checkpoint;"
        "from picochat.inference.packs import PackStore; checkpoint = load_checkpoint(sys.argv[1]);"
        "print(PackStore(Path(sys.argv[2])).make('5' * 64, 'fp32', checkpoint).folder)"
    )
    command = [sys.executable, "-c", code, str(checkpoint.path), str(tmp_path / "packs")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    folders = {process.communicate()[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0]
    assert len(folders) == 1
    assert PackStore(tmp_path / "packs").find("5" * 64, "fp32") is not None
    assert len(list((tmp_path / "packs").glob("*-fp32-*"))) == 1


def test_a_file_is_hashed_once_while_it_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"one")
    old = path.stat().st_mtime - 100
    hashed: list[Path] = []

    def counted(file: Path) -> str:
        hashed.append(file)
        return file_digest(file)

    monkeypatch.setattr(packs, "file_digest", counted)
    # a file of just now may change again within the clock's smallest step: it is not believed
    assert source_digest(path, tmp_path / "memory") == source_digest(path, tmp_path / "memory") == file_digest(path)
    assert len(hashed) == 2
    monkeypatch.setattr(packs.time, "time", lambda: old + 200)
    assert source_digest(path, tmp_path / "memory") == source_digest(path, tmp_path / "memory")
    assert len(hashed) == 3
    path.write_bytes(b"two")
    assert source_digest(path, tmp_path / "memory") == file_digest(path)


def test_a_folder_is_known_by_all_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "weights").write_bytes(b"1")
    first = source_digest(folder, tmp_path)
    (folder / "weights").write_bytes(b"2")
    second = source_digest(folder, tmp_path)
    (folder / "config.json").rename(folder / "other.json")
    assert len({first, second, source_digest(folder, tmp_path)}) == 3


def test_caches_of_8_bits_answer_as_those_of_32(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answers(name: str) -> tuple[np.ndarray, int]:
        lanes = OnnxLanes(Runner(PackStore(tmp_path / name).make("0" * 64, "int8", checkpoint), 1), 1)
        return np.stack([lanes.prefill(0, [token]) for token in range(20)]), lanes.bytes

    monkeypatch.setattr("picochat.interop.small_caches.LONG", checkpoint.config.context)
    small, small_bytes = answers("small")
    monkeypatch.setattr("picochat.interop.small_caches.runs_small_caches", lambda: False)  # as with an older library
    large, large_bytes = answers("large")
    assert small_bytes * 4 == large_bytes
    assert 0 < np.abs(small - large).max() < 0.05 * large.std()
