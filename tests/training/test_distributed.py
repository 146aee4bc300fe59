from __future__ import annotations

import json
import multiprocessing
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributed import TCPStore

from picochat.checkpoint import load_checkpoint
from picochat.errors import CheckpointError, PicochatError
from picochat.training.config import TrainConfig
from picochat.training.launch import claim, is_of_this_launch
from picochat.training.run import RunFolder
from picochat.training.setup import resumed_config
from picochat.training.setup import train as run
from picochat.training.shards import SHARDS, Pieces, Shards

TINY: dict[str, Any] = {
    "preset": "nano", "layers": 2, "heads": 2, "embedding": 32, "context": 32, "vocab_size": 301, "batch_size": 4,
    "device": "cpu", "eval_batches": 3, "steps": 8, "eval_every": 4, "precision": "fp32", "attention": "torch",
    "optimizer": "adamw", "keep": 0,
}  # fmt: skip

# processes are forked from one that has torch loaded: to load it takes longer than the runs
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["torch.distributed.fsdp", "torch._dynamo", "picochat.training.setup"])

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs processes that fork")


def one_of(rank: int, size: int, port: int, log: Path, runs: list[dict[str, Any]], environment: dict[str, str]) -> None:
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(size), LOCAL_RANK=str(rank), MASTER_ADDR="127.0.0.1")
    os.environ.update(MASTER_PORT=str(port), **environment)
    torch.set_num_threads(1)
    try:
        for wishes in runs:
            resume = wishes.pop("resume", False)
            run(resumed_config(wishes.pop("out"), wishes) if resume else TrainConfig.parse(wishes), resume=resume)
    except PicochatError as error:
        log.write_text(str(error))
        raise SystemExit(2) from None
    except Exception:
        log.write_text(traceback.format_exc())
        raise


def together(tmp_path: Path, *runs: dict[str, Any], size: int = 2, **environment: str) -> list[tuple[int | None, str]]:
    """Train in several processes, one run after the other; returns each one's exit code and error."""
    # as under torchrun, the store is none of theirs
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    environment = {"TORCHELASTIC_USE_AGENT_STORE": "True", **environment}
    logs = [tmp_path / f"error-{rank}" for rank in range(size)]
    processes = [
        SERVER.Process(target=one_of, args=(rank, size, store.port, logs[rank], list(runs), environment))
        for rank in range(size)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(100)
    ends = [
        (process.exitcode, log.read_text() if log.exists() else "") for process, log in zip(processes, logs, strict=True)
    ]
    for process, log in zip(processes, logs, strict=True):
        process.kill()
        log.unlink(missing_ok=True)
    return ends


def losses(out: Path, name: str = "loss") -> list[float]:
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return [line[name] for line in lines if name in line]


def same_curves(one: Path, two: Path, rel: float = 1e-4) -> None:
    for name in ("loss", "val_loss", "val_bpb", "norm"):
        assert losses(two, name) == pytest.approx(losses(one, name), rel=rel if name != "norm" else 10 * rel)


OK = [(0, ""), (0, "")]


@pytest.mark.parametrize("parallel", ["ddp", "fsdp"])
def test_two_processes_learn_what_one_learns(chat_file: Path, tmp_path: Path, parallel: str) -> None:
    runs = [
        {**TINY, "data": chat_file, "out": tmp_path / batches, "batches": batches, "accumulation": 2}
        for batches in ("windows", "packed", "chat")
    ]
    assert together(tmp_path, *[{**each, "out": Path(f"{each['out']}-two"), "parallel": parallel} for each in runs]) == OK
    for each in runs:
        out = each["out"]
        run(TrainConfig.parse(each))
        same_curves(out, Path(f"{out}-two"))
        one, two = (load_checkpoint(path) for path in (out, Path(f"{out}-two")))
        assert one.training["step"] == two.training["step"]
        for name, weight in one.weights.items():
            torch.testing.assert_close(two.weights[name], weight, rtol=1e-2, atol=1e-3)


def test_sharded_networks_of_other_kinds(chat_file: Path, tmp_path: Path) -> None:
    kinds: dict[str, tuple[dict[str, Any], float]] = {
        # Muon's products are in bf16, and of rows that lie elsewhere
        "muon": ({"optimizer": "muon", "tied": False, "checkpointing": True}, 1e-3),
        "bf16": ({"precision": "bf16", "architecture": "gpt2"}, 1e-2),
    }
    runs = [{**TINY, "data": chat_file, "out": tmp_path / name, **settings} for name, (settings, _) in kinds.items()]
    assert together(tmp_path, *[{**each, "out": Path(f"{each['out']}-two"), "parallel": "fsdp"} for each in runs]) == OK
    for each, (_, rel) in zip(runs, kinds.values(), strict=True):
        run(TrainConfig.parse(each))
        same_curves(each["out"], Path(f"{each['out']}-two"), rel)


def test_any_number_of_processes_goes_on(chat_file: Path, tmp_path: Path) -> None:
    # a rate that does not depend on the length of the run
    settings = {**TINY, "data": chat_file, "min_lr": 1.0, "warmup": 0.0}
    run(TrainConfig.parse({**settings, "out": tmp_path / "whole"}))
    ways = [("ddp", "fsdp"), ("fsdp", "ddp"), ("fsdp", "alone"), ("alone", "fsdp")]
    first = {way: {**settings, "out": tmp_path / "-".join(way), "steps": 4, "parallel": way[0]} for way in ways}
    first["alone", "fsdp"]["parallel"] = "ddp"
    run(TrainConfig.parse(first["alone", "fsdp"]))
    second = {way: {"out": tmp_path / "-".join(way), "steps": 4, "parallel": way[1], "resume": True} for way in ways}
    last = second.pop(("fsdp", "alone"))
    alone = first.pop(("alone", "fsdp"))
    assert alone["out"].is_dir()
    assert together(tmp_path, *first.values(), *second.values()) == OK
    run(resumed_config(last["out"], {"steps": 4, "parallel": "ddp"}), resume=True)
    for way in ways:
        same_curves(tmp_path / "whole", tmp_path / "-".join(way))


def test_what_is_wrong_is_said_by_one_process(chat_file: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "best.pt").write_text("precious")
    sharded = {**TINY, "data": chat_file, "out": tmp_path / "run", "parallel": "fsdp"}
    for settings, says in (
        ({**TINY, "data": tmp_path / "none.txt"}, "no data file"),
        ({**TINY, "data": chat_file, "batch_size": 1}, "larger --batch-size"),
        # only the first process looks at the folder: the others wait for it
        ({**TINY, "data": chat_file, "out": taken}, "--force"),
        ({**sharded, "batch_size": 5}, "that 2 divides"),
        ({**sharded, "precision": "fp16"}, "bf16"),
    ):
        ends = together(tmp_path, settings)
        assert [code for code, _ in ends] == [2, 2], ends
        (said,) = [error for _, error in ends if error]
        assert says in said
    assert (taken / "best.pt").read_text() == "precious"
    assert not (tmp_path / "run").exists()


def test_a_run_that_torchrun_restarts_needs_a_folder_it_finds_again(chat_file: Path, tmp_path: Path) -> None:
    ends = together(tmp_path, {**TINY, "data": chat_file}, TORCHELASTIC_MAX_RESTARTS="3")
    assert sorted(error for _, error in ends) == [
        "",
        "A run that torchrun may restart must find its folder again; name it with --out.",
    ]


def test_a_restart_goes_on_with_its_own_run_only(chat_file: Path, tmp_path: Path) -> None:
    wishes = {**TINY, "data": chat_file, "out": tmp_path / "run"}
    again = {"TORCHELASTIC_RESTART_COUNT": "1", "TORCHELASTIC_MAX_RESTARTS": "3"}
    assert together(tmp_path, wishes, **again, TORCHELASTIC_RUN_ID="first") == OK
    before = (tmp_path / "run" / "metrics.jsonl").read_text()
    ends = together(tmp_path, wishes, **again, TORCHELASTIC_RUN_ID="second")
    assert [code for code, _ in ends] == [2, 2]
    assert "--force" in "".join(error for _, error in ends)
    # one that had ended when another process died has nothing left to do
    assert together(tmp_path, wishes, **again, TORCHELASTIC_RUN_ID="first") == OK
    # steps that are more than there were are asked for once
    more = {"out": tmp_path / "run", "steps": 4, "resume": True}
    assert together(tmp_path, more, TORCHELASTIC_RUN_ID="first", TORCHELASTIC_MAX_RESTARTS="3") == OK
    assert together(tmp_path, more, **again, TORCHELASTIC_RUN_ID="first") == OK
    lines = (tmp_path / "run" / "metrics.jsonl").read_text()
    assert (lines.startswith(before), len(lines.splitlines())) == (True, 12)


def test_a_damaged_part_of_a_state_is_told(chat_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert together(tmp_path, {**TINY, "data": chat_file, "out": out, "parallel": "fsdp", "keep_states": 1}) == OK
    (folder,) = (out / SHARDS).iterdir()
    state = RunFolder.open(out).read_state()
    assert not {"weights", "optimizer"} & set(state)
    part = folder / "part-00001-of-00002.pt"
    part.write_bytes(part.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="damaged"):
        Shards(out).read(state)
    part.unlink()
    with pytest.raises(CheckpointError, match="can't be read"):
        Shards(out).read(state)
    with pytest.raises(CheckpointError, match="damaged"):
        Shards(out).read({"shards": {"step": "x"}})


@given(st.lists(st.integers(0, 5), min_size=1, max_size=5), st.data())
def test_rows_in_pieces_are_the_rows_of_the_whole(sizes: list[int], data: st.DataObject) -> None:
    whole = torch.arange(sum(sizes) * 3).view(-1, 3)
    pieces = Pieces(list(whole.split(sizes)))
    rows = slice(data.draw(st.none() | st.integers(0, 30)), data.draw(st.none() | st.integers(0, 30)))
    assert pieces.shape == tuple(whole.shape)
    assert torch.equal(pieces[rows], whole[rows])


def test_states_that_are_too_old_or_of_another_run_go(tmp_path: Path) -> None:
    place = tmp_path / SHARDS
    for name in ("step-000010", "step-000020", "step-000030", "step-000090", ".step-000020.unfinished", "notes"):
        (place / name).mkdir(parents=True)
    Shards(tmp_path).thin(30, 2)
    assert sorted(path.name for path in place.iterdir()) == ["notes", "step-000020", "step-000030"]


def test_a_folder_is_of_the_launch_that_has_claimed_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    claim(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not is_of_this_launch(tmp_path)
    for name in ("job-1", "none"):
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", name)
        assert not is_of_this_launch(tmp_path)
        claim(tmp_path)
        assert is_of_this_launch(tmp_path)
    monkeypatch.setattr(os, "getppid", lambda: -1)
    assert not is_of_this_launch(tmp_path)
