from __future__ import annotations

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

import picochat as package
from picochat import locations
from picochat.cli import selftest
from picochat.training import hardware, setup
from tests.e2e import inside
from tests.e2e.test_generate import picochat
from tests.test_imports import run_and_list

CPU_CHECKS = ["cpu: choices", "cpu: training", "cpu: writing"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the compiler, which takes longer than all the rest."""
    monkeypatch.setattr(hardware, "try_compile", lambda device: None)


def statuses(out: str) -> dict[str, str]:
    return {check["name"]: check["status"] for check in json.loads(out)["checks"]}


def test_all_is_well_here() -> None:
    done = picochat("selftest", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is True
    facts = report["facts"]
    assert facts["picochat"] == package.__version__
    assert facts["python"].startswith(platform.python_version())
    assert facts["torch"] == metadata.version("torch")
    assert "cores" in facts["processor"]
    assert facts["memory"].endswith("GiB") or facts["memory"] == "unknown"
    checks = {check["name"]: check for check in report["checks"]}
    assert {"shipped model", *CPU_CHECKS, "torch.compile"} <= set(checks)
    assert all(check["seconds"] >= 0 for check in checks.values())
    assert "loss" in checks["cpu: training"]["detail"]
    assert "attention by" in checks["cpu: choices"]["detail"]
    if not torch.cuda.is_available():
        assert checks["cuda"]["status"] == "skipped"
    if hardware.find_compiler():
        assert checks["torch.compile"]["status"] == "ok"


@pytest.mark.usefixtures("quick")
def test_a_line_for_each_check(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    code, out, _ = inside(capfd, "selftest")
    assert code == 0
    facts, checks, verdict = out.strip().split("\n\n")
    assert facts.splitlines()[0].split() == ["picochat", package.__version__]
    assert "COLORTERM=truecolor" in facts
    passed = [line for line in checks.splitlines() if line.startswith("ok ")]
    assert verdict == f"all {len(passed)} checks passed"
    assert any("shipped model" in line for line in passed)


@pytest.mark.usefixtures("quick")
def test_a_failed_check_is_told_and_the_next_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "conv.pt").write_text("no model at all")
    monkeypatch.setattr(locations, "default_model", lambda: tmp_path / "conv.pt")
    code, out, err = inside(capfd, "selftest")
    assert code == 1
    assert "Traceback" not in err
    (failed,) = [line for line in out.splitlines() if line.startswith("FAILED")]
    assert "shipped model" in failed
    assert "CheckpointError" in failed
    assert any(line.startswith("ok ") and "cpu: writing" in line for line in out.splitlines())
    assert out.rstrip().endswith("checks FAILED")


def broken(*_: Any, **__: Any) -> NoReturn:
    raise RuntimeError("out of luck\nand more")


@pytest.mark.usefixtures("quick")
def test_where_training_fails_there_is_nothing_to_write_with(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "prepare", broken)
    code, out, err = inside(capfd, "--debug", "selftest", "--json")
    assert code == 1
    found = statuses(out)
    assert (found["cpu: training"], found["cpu: writing"], found["shipped model"]) == ("FAILED", "skipped", "ok")
    (detail,) = [check["detail"] for check in json.loads(out)["checks"] if check["status"] == "FAILED"]
    assert detail == "RuntimeError: out of luck"
    assert "Traceback" in err


@pytest.mark.usefixtures("quick")
def test_a_network_that_does_not_learn_fails(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(selftest, "STEPS", 1)
    code, out, _ = inside(capfd, "selftest", "--json")
    assert code == 1
    assert statuses(out)["cpu: training"] == "FAILED"


def test_a_compiler_that_fails_is_told_and_one_that_is_missing_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hardware, "try_compile", broken)
    monkeypatch.setattr(hardware, "find_compiler", lambda: "/usr/bin/g++")
    monkeypatch.setattr(selftest, "DEVICES", ())
    code, out, _ = inside(capfd, "selftest", "--json")
    assert (code, statuses(out)["torch.compile"]) == (1, "FAILED")
    if torch.cuda.is_available():
        return
    monkeypatch.setattr(hardware, "find_compiler", lambda: None)
    code, out, _ = inside(capfd, "selftest", "--json")
    assert (code, statuses(out)["torch.compile"]) == (0, "skipped")


@pytest.mark.usefixtures("quick")
def test_a_machine_that_cannot_be_looked_at_is_part_of_the_report(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hardware, "processor", broken)
    monkeypatch.setattr(selftest, "DEVICES", ())
    code, out, _ = inside(capfd, "selftest", "--json")
    assert code == 0
    assert json.loads(out)["facts"]["machine"] == "RuntimeError: out of luck"


@pytest.mark.usefixtures("quick")
def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(selftest.tempfile, "tempdir", str(tmp_path))
    assert inside(capfd, "selftest")[0] == 0
    assert [path for path in tmp_path.iterdir() if path.name != "home"] == []


def test_help_imports_neither_torch_nor_textual() -> None:
    loaded = run_and_list("selftest", "--help")
    assert "picochat.cli.selftest" in loaded
    assert not {"torch", "textual"} & loaded
