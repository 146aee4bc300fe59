"""Every message that docs/troubleshooting.md quotes is one that the code says."""

from __future__ import annotations

import ast
import json
import re
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

from picochat.training.lock import unlock
from tests.conftest import chat_text
from tests.e2e import inside

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = [" ".join(block.split()) for block in re.findall(r"^```text\n(.+?)\n```$", PAGE, re.MULTILINE | re.DOTALL)]
Says = Callable[..., None]
PLACEHOLDER = re.compile(r"\b[A-Z][A-Z_]*\b")
SHORTEST = 7
"""Letters that a text of the code must have to count: "in" and "the" stand everywhere."""


def trees() -> list[ast.Module]:
    return [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "picochat").rglob("*.py")]


def named_texts(trees: list[ast.Module]) -> dict[str, str]:
    """The constants of the modules that are texts or paths and have a name that no other one has."""
    found: dict[str, set[str]] = {}
    for node in (node for tree in trees for node in tree.body if isinstance(node, ast.Assign)):
        value = node.value.args[0] if isinstance(node.value, ast.Call) and node.value.args else node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, set()).add(value.value)
    return {name: next(iter(texts)) for name, texts in found.items() if len(texts) == 1}


@cache
def templates() -> list[list[str]]:
    """The texts in the code, each as its constant parts; something else may stand between two of them."""
    modules, found = trees(), []
    names = named_texts(modules)
    for node in (node for tree in modules for node in ast.walk(tree)):
        if isinstance(node, ast.JoinedStr):
            parts = [_constant(part, names) for part in node.values]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            parts = [node.value]
        else:
            continue
        constants = [part for part in parts if part]
        if sum(map(len, constants)) >= SHORTEST:
            found.append(constants)
    return found


def _constant(part: ast.expr, names: dict[str, str]) -> str | None:
    """A part of an f-string, where it is always the same text."""
    if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name):
        return names.get(part.value.id)
    return str(part.value) if isinstance(part, ast.Constant) else None


def unsaid(message: str) -> str:
    """A message without what the code says of it, and without placeholders."""
    left = list(message)
    for constants in templates():
        if all(part in message for part in constants):
            found = re.search(".*?".join(f"({re.escape(part)})" for part in constants), message)
            for group in range(1, len(constants) + 1) if found else ():
                left[slice(*found.span(group))] = " " * len(found[group])  # type: ignore[index, union-attr]
    return PLACEHOLDER.sub("", "".join(left))


def pattern(message: str) -> re.Pattern[str]:
    """What a message looks like when it is printed; a placeholder stands for anything."""
    return re.compile(".+?".join(map(re.escape, PLACEHOLDER.split(message))), re.DOTALL)


def quoted(beginning: str) -> str:
    """The message of the page that begins so."""
    (message,) = [message for message in MESSAGES if message.startswith(beginning)]
    return message


def test_the_page_quotes_enough() -> None:
    assert len(MESSAGES) >= 40
    assert len(set(MESSAGES)) == len(MESSAGES)


@pytest.mark.parametrize("message", MESSAGES)
def test_the_code_says_it(message: str) -> None:
    assert not re.search("[a-z]", unsaid(message)), unsaid(message)


def test_a_message_that_the_code_does_not_say_is_found() -> None:
    assert re.search("[a-z]", unsaid("The device 'NAME' is missing on this machine; use --device auto or one of: DEVICES."))


def test_every_message_is_explained() -> None:
    for block in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        assert not block.rstrip().endswith("```"), block.partition("\n")[0]


# -- provoked -----------------------------------------------------------------------------------------------------------

TINY = (  # noqa: SIM905
    "--size nano --layers 1 --heads 2 --embedding 32 --context 32 --vocab-size 300 --steps 2 --batch-size 2 --eval-every 1 "
    "--eval-batches 1 --sample-tokens 0 --device cpu --precision fp32 --attention torch --compile off"
).split()


@pytest.fixture
def says(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Says:
    """Run a command, and expect the message of the page that begins so, on a line of its own."""
    # the command line shows warnings in its own way from then on
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)

    def check(beginning: str, *arguments: object, code: int = 2) -> None:
        ended, _, errors = inside(capfd, *arguments)
        message = pattern(quoted(beginning))
        lines = [re.sub(r"^picochat: (\S+, line \d+: )?(?=.)", "", line) for line in errors.splitlines()]
        whole = [line.removeprefix("picochat: ") for line in errors.splitlines()]
        assert any(message.fullmatch(line) for line in lines + whole), errors
        assert ended == code, errors

    return check


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of two steps; its data lies beside it."""
    folder = tmp_path_factory.mktemp("provoked")
    (folder / "my.txt").write_text(chat_text(), encoding="utf-8")
    from picochat.cli import main

    shown = warnings.showwarning
    with pytest.raises(SystemExit) as ended:
        main(["train", "--data", str(folder / "my.txt"), "--out", str(folder / "run"), *TINY])
    warnings.showwarning = shown
    assert not ended.value.code
    return folder / "run"


@pytest.mark.parametrize(
    ("beginning", "arguments"),
    [
        ("SETTING must be", "generate --temperature 9"),
        ("There is no device", "generate -p x -d abacus"),
        ("--threads N", "generate -p x --threads 5000"),
        ("There is no model at", "info -m nowhere.pt"),
        ("The folder FOLDER holds no best.pt", "info -m ."),
        ("There is no data file", "train --data nowhere.txt"),
        ("There is no run to resume", "train --resume"),
        ("At HOST other machines can reach the model", "serve --host 0.0.0.0 --port 0"),
        ("--watch needs", "train --data x.txt --watch"),
    ],
)
def test_wrong_options(beginning: str, arguments: str, says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    says(beginning, *arguments.split())


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_a_gpu_that_is_not_there(says: Says) -> None:
    says("The device", "generate", "-p", "x", "-d", "cuda")


def test_a_wrong_settings_file(says: Says, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("stepz: 3\n")
    says("There is no setting", "config", "check", tmp_path / "my.yaml")


def test_a_wrong_configuration_file(says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my.yaml").write_text("temperature: hot\n")
    monkeypatch.setenv("PICOCHAT_CONFIG", str(tmp_path / "my.yaml"))
    says("PATH, line N: PROBLEM", "chat", "-p", "x", "-m", tmp_path / "nowhere.pt")


@pytest.mark.parametrize(
    ("beginning", "name", "content"),
    [
        ("PATH is empty", "a.txt", b" \n"),
        ("SOURCE holds no text", "a.jsonl", b'{"text": ""}\n'),
        ("The data holds", "a.txt", b"User: Hi\nAssistant: Hello\n"),
        ("PATH is not UTF-8", "a.txt", b"5 \x80, " * 9),
        ("PATH, line N: a conversation", "a.txt", b"User: Hi\nAssistant: Hello\n\nPart two\nUser: Hi\n"),
        ("PATH, line N: expected", "a.jsonl", b'{"words": "Hello"}\n'),
    ],
)
def test_unusable_text(beginning: str, name: str, content: bytes, says: Says, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    says(beginning, "train", "--data", tmp_path / name, "--out", tmp_path / "run", *TINY)


@pytest.mark.parametrize(
    ("beginning", "package", "arguments"),
    [
        ("Reading PATH needs the package zstandard", "zstandard", "train --data a.txt.zst"),
        ("Reading NAME needs the package datasets", "datasets", "train --data hf:nobody/nothing"),
        ("Serving needs", "uvicorn", "serve"),
    ],
)
def test_extras_that_are_not_installed(
    beginning: str, package: str, arguments: str, says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == package or name == "picochat.web.server"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.chdir(tmp_path)
    Path("a.txt.zst").write_bytes(bytes(100))
    says(beginning, *arguments.split())


def test_gguf_without_its_package(says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gguf")
    from picochat.interop.gguf_write import write_gguf
    from tests.interop.gguf_models import tiny

    write_gguf(tiny("llama"), tmp_path / "a.gguf", "q8_0")
    monkeypatch.setitem(sys.modules, "gguf", None)
    monkeypatch.setitem(sys.modules, "gguf.quants", None)
    says("GGUF files need", "generate", "-p", "x", "-m", tmp_path / "a.gguf")


def test_a_logger_that_is_not_installed(says: Says, chat_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picochat.training.loggers.group.find_spec", lambda _: None)
    says("--log NAME", "train", "--data", chat_file, "--log", "wandb", *TINY)


def test_the_shipped_model_is_missing(says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picochat.locations._PACKAGE", tmp_path / "picochat")
    says("The shipped model", "generate", "-p", "x")


def test_files_that_are_no_models(says: Says, tmp_path: Path, run: Path) -> None:
    whole = (run / "best.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    says("PATH is damaged or cut short", "generate", "-p", "x", "-m", tmp_path / "cut.pt")
    torch.save({"a": Path()}, tmp_path / "other.pt")
    says("PATH holds pickled", "generate", "-p", "x", "-m", tmp_path / "other.pt")
    (tmp_path / "page.pt").write_text("<!DOCTYPE html>")
    says("PATH is not a picochat model", "generate", "-p", "x", "-m", tmp_path / "page.pt")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gemma"}))
    says("PLACE is a model of the architecture", "generate", "-p", "x", "-m", tmp_path)


def test_a_name_that_the_hub_can_not_be_asked_for(says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    says("There is nothing at NAME, and the Hugging Face hub", "generate", "-p", "x", "-m", "no/where")


def test_a_push_without_a_token(says: Says, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.setattr(hub, "get_token", lambda: None)
    says("There is no token", "push", "ada/conv", "-m", run)


def test_a_run_that_is_there_already(says: Says, run: Path) -> None:
    says("FOLDER already holds", "train", "--data", run.parent / "my.txt", "--out", run, *TINY)


def test_a_run_that_is_finished(says: Says, run: Path) -> None:
    says("The run in FOLDER is finished", "train", f"--resume={run}")


def test_a_run_whose_data_changed(says: Says, run: Path) -> None:
    data = run.parent / "my.txt"
    before = data.read_text()
    data.write_text(before + "\n\nUser: More?\nAssistant: More.\n")
    try:
        says("The run can't be resumed", "train", f"--resume={run}", "--steps", "1")
    finally:
        data.write_text(before)


def test_a_run_that_is_going_on(says: Says, run: Path) -> None:
    unlock(run)
    code = f"from picochat.training.lock import lock; from pathlib import Path; lock(Path({str(run)!r})); print(); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=-1, stdout=-1, cwd=ROOT) as other:
        assert other.stdout is not None
        other.stdout.readline()
        try:
            says("The run in FOLDER is going on", "train", f"--resume={run}", "--steps", "1")
        finally:
            other.communicate(b"\n")


def test_a_best_model_that_is_damaged(says: Says, run: Path) -> None:
    whole = (run / "best.pt").read_bytes()
    (run / "best.pt").write_bytes(whole[:-1000])
    try:
        says("PATH is damaged (REASON); the model", "generate", "-p", "x", "-t", "1", "-m", run, code=0)
    finally:
        (run / "best.pt").write_bytes(whole)


def test_shapes_that_do_not_fit(says: Says, run: Path, tmp_path: Path) -> None:
    data = run.parent / "my.txt"
    says("heads (N) must divide", "train", "--data", data, "--out", tmp_path / "a", *TINY, "--heads", "3")
    says(
        "SOURCE does not fit",
        "train",
        "--data",
        data,
        "--out",
        tmp_path / "b",
        "--init-from",
        run,
        *TINY,
        "--feed-forward",
        "24",
    )


def test_the_memory_is_full(says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> tuple[str, ...]:
        raise MemoryError

    monkeypatch.setattr("picochat.cli.config.preset_names", full)
    says("The memory is full", "config", "presets")


def test_a_history_that_can_not_be_used(says: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICOCHAT_HISTORY", str(tmp_path))
    says("The history PATH can't", "history", "list", code=0)
    (tmp_path / "history").write_bytes(b"no database" * 1000)
    monkeypatch.setenv("PICOCHAT_HISTORY", str(tmp_path / "history"))
    says("The history PATH is damaged", "history", "list", code=0)


def test_an_address_in_use(says: Says) -> None:
    pytest.importorskip("uvicorn")
    with socket.create_server(("127.0.0.1", 0)) as other:
        says("HOST port N", "serve", "--port", other.getsockname()[1])
