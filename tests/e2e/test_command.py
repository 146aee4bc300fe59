from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import picochat as package
from picochat.schema import parse_duration
from tests.e2e.test_generate import picochat

ROOT = Path(__file__).parents[2]


def test_version_and_help() -> None:
    assert picochat("--version").stdout.decode() == f"picochat {package.__version__}\n"
    shown = picochat("--help").stdout.decode()
    for name in ("chat", "generate", "train", "info"):
        assert f"\n  {name} " in shown


def test_no_arguments_is_help() -> None:
    assert b"Usage: picochat" in picochat().stdout + picochat().stderr


def test_a_mistyped_command() -> None:
    done = picochat("trian")
    assert done.returncode == 2
    assert "No such command 'trian'" in done.stderr.decode()


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
@pytest.mark.parametrize(
    ("arguments", "code"), [("chat -p Hi -t 2", 0), ("chat", 0), ("generate -p - -t 2", 0), ("history delete 9", 2)]
)
def test_a_closed_stdin_is_an_empty_one(arguments: str, code: int, chat_model: Path, tmp_path: Path) -> None:
    model = f"-m {chat_model} -d cpu" if not arguments.startswith("history") else ""
    done = subprocess.run(
        f'"{sys.executable}" -m picochat {arguments} {model} <&-',
        shell=True,
        capture_output=True,
        timeout=120,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path)},
    )
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shell_completion(shell: str) -> None:
    env = {"_PICOCHAT_COMPLETE": f"complete_{shell}", "COMP_WORDS": "picochat ge", "COMP_CWORD": "1"}
    env |= {"_TYPER_COMPLETE_ARGS": "picochat ge", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    done = picochat(env={**os.environ, **env})
    assert b"generate" in done.stdout
    assert b"train" not in done.stdout


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1.5m", 90)]
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "0", "m", "1y", "inf", "nan"])
def test_durations_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="10m"):
        parse_duration(text)


def test_the_shipped_model_talks_in_a_fresh_clone() -> None:
    done = picochat("chat", "-p", "Hello!", "--seed", 1)
    assert done.returncode == 0, done.stderr
    answer = done.stdout.decode().strip()
    assert answer
    assert answer[-1] in ".!?"
    assert (ROOT / "models" / "conv.pt").stat().st_size < 25_000_000


def test_the_wheel_carries_the_model_and_works_anywhere(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", tmp_path, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "site")
    assert {
        "picochat/models/conv.pt",
        "picochat/py.typed",
        "picochat/ui/chat.tcss",
        "picochat/training/presets/default.yaml",
    } <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "data/"))]
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import picochat.locations as l; print(l.default_model())\n"
        "from picochat.cli import main; main(['generate', '-p', 'Hello', '--seed', '1'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "site") in done.stdout.splitlines()[0]
    assert done.stdout.splitlines()[1]
