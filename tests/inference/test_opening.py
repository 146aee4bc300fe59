"""Which back end opens a model, and what is said when none can."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from picochat.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from picochat.errors import CheckpointError, ConfigError, DeviceError, OutputError
from picochat.inference import choice, opening
from picochat.inference.choice import Choice, recall, remember
from picochat.inference.opening import difference, open_backend
from picochat.inference.packs import GRAPH, VERSION, PackStore, source_digest
from picochat.inference.torch_backend import open_torch
from picochat.locations import packs
from picochat.model.config import ModelConfig
from picochat.model.gpt import GPT
from tests.fakes import char_tokenizer

TOKENIZER = char_tokenizer()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICOCHAT_CACHE", str(tmp_path / "cache"))


def save(path: Path, seed: int = 0, **shape: Any) -> Path:
    base = {"layers": 1, "heads": 2, "dim": 64, "context": 32, "vocab_size": TOKENIZER.vocab_size}
    torch.manual_seed(seed)
    save_checkpoint(path, GPT(ModelConfig.create(preset="nano", **{**base, **shape})), TOKENIZER, {"kind": "text"})
    return path


def test_the_ways_are_measured_once_and_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.pt")
    backend, _ = open_backend(path)
    assert backend.info.runtime == "ONNX Runtime"
    assert set(backend.info.measured) == {"torch cpu fp32", "onnx cpu int8", "onnx cpu fp32"}
    assert all(rate > 0 for rate in backend.info.measured.values())
    assert backend.length == 0
    monkeypatch.setattr(opening, "_choose", lambda *_: pytest.fail("measured again"))
    again, tokenizer = open_backend(path)
    assert again.info == backend.info
    assert tokenizer.to_json() == TOKENIZER.to_json()
    # the same model under another name is the same model
    path.rename(tmp_path / "b.pt")
    assert open_backend(tmp_path / "b.pt")[0].info.precision == backend.info.precision


def test_a_model_is_read_once_to_be_measured_and_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.pt")
    read: list[str | Path] = []

    def counted(source: str | Path) -> Checkpoint:
        read.append(source)
        return load_checkpoint(source)

    monkeypatch.setattr("picochat.interop.source.read_any", counted)
    monkeypatch.setattr("picochat.inference.torch_backend.read_any", counted)
    assert len(open_backend(path)[0].info.measured) == 3
    assert read == [path]


def test_a_changed_file_is_another_model(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pt")
    first = open_backend(path, precision="int8")[0].prefill([1, 2, 3])
    times = path.stat()
    save(path, seed=1)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    second = open_backend(path, precision="int8")[0].prefill([1, 2, 3])
    expected = open_torch(path, device="cpu")[0].prefill([1, 2, 3])
    assert np.abs(second - expected).max() < 0.1 * np.abs(first - expected).max()


def test_a_choice_of_another_machine_is_not_believed(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pt")
    open_backend(path)
    note = next((packs() / "choices").iterdir())
    digest = note.name.split("-")[0]
    assert recall(packs(), digest, "auto") is not None
    note.write_text(json.dumps({**json.loads(note.read_text()), "machine": ["another"]}))
    assert recall(packs(), digest, "auto") is None
    note.write_text("nonsense")
    assert recall(packs(), digest, "auto") is None
    assert open_backend(path)[0].info.measured


def kept(path: Path) -> Choice | None:
    """What is remembered of a model."""
    return recall(packs(), source_digest(path, packs()), "auto")


def full_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a GPU that has no memory left."""
    build = Checkpoint.build

    def built(self: Checkpoint, *, dtype: torch.dtype, device: torch.device) -> GPT:
        if device.type == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return build(self, dtype=dtype, device=device)

    monkeypatch.setattr(opening, "gpu_likely", lambda: True)
    monkeypatch.setattr(Checkpoint, "build", built)
    monkeypatch.setattr(
        "picochat.inference.torch_backend.resolve_device", lambda name: torch.device("cuda" if name == "auto" else name)
    )


def test_a_gpu_that_comes_or_goes_makes_it_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.pt")
    open_backend(path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5")
    assert kept(path) is None
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert kept(path) is not None
    likely = choice.gpu_likely()
    monkeypatch.setattr(choice, "gpu_likely", lambda: not likely)
    assert kept(path) is None


def test_a_gpu_that_is_gone_is_not_insisted_on(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pt")
    remember(packs(), source_digest(path, packs()), "auto", Choice("torch", "cuda:99", "bf16", {"torch cuda:99 bf16": 9.0}))
    backend, _ = open_backend(path)
    assert "torch cpu fp32" in backend.info.measured
    chosen = kept(path)
    assert chosen is not None
    assert chosen.device != "cuda:99"


@pytest.mark.parametrize("chosen_before", [False, True])
def test_a_full_gpu_is_left_out_this_time(chosen_before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.pt")
    before = Choice("torch", "cuda", "bf16", {"torch cuda bf16": 9.0}) if chosen_before else None
    if before:
        remember(packs(), source_digest(path, packs()), "auto", before)
    full_gpu(monkeypatch)
    backend, _ = open_backend(path)
    assert backend.info.device == "cpu"
    assert set(backend.info.measured) == {"torch cpu fp32", "onnx cpu int8", "onnx cpu fp32"}
    assert kept(path) == before
    with pytest.raises(DeviceError, match=r"The memory of cuda is full \(CUDA out of memory.*choose --device cpu"):
        open_backend(path, device="cuda")


def test_what_had_no_room_to_be_measured_is_measured_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.pt")

    def full(*_: object) -> None:
        raise OutputError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(PackStore, "make", full)
        assert open_backend(path)[0].info.runtime == "PyTorch"
    assert kept(path) is None
    assert "onnx cpu int8" in open_backend(path)[0].info.measured
    assert kept(path) is not None


def test_eight_bits_that_answer_differently_are_not_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "CLOSE", -1.0)
    backend, _ = open_backend(save(tmp_path / "a.pt"))
    assert "onnx cpu int8" not in backend.info.measured
    assert backend.info.precision == "fp32"


def test_the_difference_of_two_ways(tmp_path: Path) -> None:
    one, other = save(tmp_path / "a.pt"), save(tmp_path / "b.pt", seed=1)
    reference, tokenizer = open_torch(one, device="cpu")
    twin, _ = open_torch(one, device="cpu")
    assert difference(reference, twin, tokenizer) == pytest.approx(0, abs=1e-6)
    close = difference(reference, open_backend(one, precision="int8")[0], tokenizer)
    assert 0 < close < difference(reference, open_torch(other, device="cpu")[0], tokenizer)


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"precision": "int3"}, "There is no precision 'int3'; choose one of auto, fp32, bf16, fp16, int8, int4."),
        ({"precision": "int4", "device": "cuda"}, "Precision int4 runs on the CPU only"),
        ({"threads": 0}, "--threads 0 is out of bounds"),
        ({"threads": 5000}, "--threads 5000 is out of bounds; this machine has"),
    ],
)
def test_what_can_not_be_had_is_one_sentence(wishes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        open_backend(save(tmp_path / "a.pt"), **wishes)
    assert str(error.value).startswith(sentence)


def assert_only_torch(path: Path, reason: str, precision: str = "int8") -> None:
    """The model runs in PyTorch, and a `precision` that only ONNX Runtime has is refused for a reason that matches."""
    for wish in ("auto", "fp32"):
        info = open_backend(path, precision=wish)[0].info
        assert (info.runtime, info.precision) == ("PyTorch", "fp32")
    with pytest.raises(ConfigError, match=reason):
        open_backend(path, precision=precision)


def test_a_model_that_the_graph_can_not_hold(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pt", position="alibi", norm="layernorm", qk_norm=False)
    assert_only_torch(path, "Precision int4 is not to be had for this model: ONNX", "int4")


def test_without_onnx_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(opening, "find_spec", lambda name: None if name == "onnxruntime" else found(name))
    path = save(tmp_path / "a.pt")
    assert_only_torch(path, "Precision int8 needs ONNX Runtime; install the packages onnxruntime and onnx")


@pytest.mark.parametrize("library", ["picochat.inference.onnx_backend", "onnx"])
def test_an_onnx_runtime_that_can_not_be_loaded(library: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.pt")
    monkeypatch.setitem(sys.modules, library, None)  # importing it raises ImportError, as a DLL that is missing does
    monkeypatch.setattr(opening, "_has_runtime", lambda: True)
    assert_only_torch(path, r"needs ONNX Runtime, which can't be loaded here .*; install the packages")


def test_a_machine_that_runs_no_pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.pt")

    def refused(*_: object) -> None:
        raise CheckpointError("ONNX Runtime can't run model.onnx (no such kernel).")

    monkeypatch.setattr("picochat.inference.onnx_backend.Runner", refused)
    assert_only_torch(path, r"not to be had on this machine: .* \(no such kernel\); choose fp32\.$")


def test_a_graph_that_can_not_be_run_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "a.pt")
    expected = open_backend(path, precision="int8")[0].prefill([1, 2])
    folder = next(each for each in packs().iterdir() if each.name.endswith(f"-{VERSION}"))
    (folder / GRAPH).write_bytes(b"not a graph")
    facts = json.loads((folder / "pack.json").read_text())
    facts["files"][GRAPH] = {"size": 11, "sha256": opening_digest(folder / GRAPH)}
    (folder / "pack.json").write_text(json.dumps(facts))
    assert (open_backend(path, precision="int8")[0].prefill([1, 2]) == expected).all()


def opening_digest(path: Path) -> str:
    from picochat.files import file_digest

    return file_digest(path)


def test_a_cache_that_can_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("PICOCHAT_CACHE", str(tmp_path / "file"))
    backend, _ = open_backend(save(tmp_path / "a.pt"))
    assert backend.info.runtime == "ONNX Runtime"
    assert backend.prefill([1]).shape == (TOKENIZER.vocab_size,)


def test_a_damaged_model_is_told_of_as_ever(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pt")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    for precision in ("auto", "int8", "fp32"):
        with pytest.raises(CheckpointError, match="damaged"):
            open_backend(path, precision=precision)
    with pytest.raises(CheckpointError, match="There is no model at"):
        open_backend(tmp_path / "none.pt")


def test_threads_are_heeded(tmp_path: Path) -> None:
    backend, _ = open_backend(save(tmp_path / "a.pt"), precision="fp32", threads=1)
    assert backend.threads == 1  # type: ignore[attr-defined]


def test_other_precisions_are_torchs(tmp_path: Path) -> None:
    backend, _ = open_backend(save(tmp_path / "a.pt"), device="cpu", precision="bf16")
    assert (backend.info.runtime, backend.info.precision) == ("PyTorch", "bf16")
