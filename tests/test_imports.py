"""Who may import whom, and what start-up must not import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "picochat"

# a layer may import those named here, itself, and the leaves
LEAVES = {"errors", "files", "schema", "interrupt", "locations", "manifest", "metrics", "figures", "runs"}
LAYERS: dict[str, set[str]] = {
    "model": set(),
    "text": set(),
    "datatools": {"text"},
    "checkpoint": {"model", "text"},
    "interop": {"model", "text", "checkpoint"},
    "training": {"model", "text", "checkpoint", "interop"},
    "inference": {"model", "text", "checkpoint", "interop"},
    "chat": {"inference", "text"},
    "evaluation": {"chat", "inference", "text", "model"},
    "benchmark": {"evaluation", "inference", "interop", "training", "text", "model"},
    "api": {"inference", "chat", "text", "training"},
    "repl": {"chat", "inference", "text"},
    "ui": {"chat", "inference", "text"},
    "web": {"chat", "inference", "text"},
    "cli": {
        *("chat", "inference", "text", "training", "checkpoint", "model", "ui", "repl", "api", "evaluation"),
        *("interop", "datatools", "web", "benchmark"),
    },
}
MAY_IMPORT_TORCH = {
    *("model", "training", "checkpoint", "interop", "evaluation/torch_scorer"),
    *("inference/recorded", "inference/torch_backend", "benchmark/hf_peer", "benchmark/memory"),
}


def imports_of(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def modules() -> list[tuple[str, Path]]:
    paths = [path for path in PACKAGE.rglob("*.py") if path.name not in ("__main__.py",)]
    return [(str(path.relative_to(PACKAGE).with_suffix("")), path) for path in paths if path != PACKAGE / "__init__.py"]


@pytest.mark.parametrize(("name", "path"), modules())
def test_imports_go_one_way(name: str, path: Path) -> None:
    layer = name.split("/")[0]
    allowed = LEAVES if layer in LEAVES else LAYERS[layer] | LEAVES | {layer}
    for imported in imports_of(path):
        if imported.startswith("picochat."):
            assert imported.split(".")[1] in allowed, f"{name} imports {imported}"
        if imported.split(".")[0] == "torch":
            assert layer in MAY_IMPORT_TORCH or name in MAY_IMPORT_TORCH, f"{name} imports torch"
        if imported.split(".")[0] == "textual":
            assert layer == "ui", f"{name} imports textual"


@pytest.mark.parametrize("name", ["model"])
def test_the_model_imports_torch_only(name: str) -> None:
    standard = set(sys.stdlib_module_names) | {"torch", "picochat", "__future__"}
    for path in (PACKAGE / name).glob("*.py"):
        assert {imported.split(".")[0] for imported in imports_of(path)} <= standard


def test_files_stay_small() -> None:
    long = {str(path): count for path in PACKAGE.rglob("*.py") if (count := len(path.read_text().splitlines())) > 400}
    assert not long


def loaded_by(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint('\\n'.join(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return set(out.split())


def run_and_list(*arguments: str) -> set[str]:
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print('\\n'.join(sys.modules), file=sys.stderr))\n"
        f"from picochat.cli import main\nmain({list(arguments)!r})"
    )
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.split())


def test_help_imports_neither_torch_nor_textual_nor_pydantic() -> None:
    assert not {"torch", "textual", "pydantic", "numpy", "rich"} & run_and_list("--help")


COMMANDS = [
    *("chat", "generate", "train", "config", "prepare", "data", "eval", "serve", "info", "import", "export", "history"),
    *("push", "bench", "web", "watch"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_imports_neither_torch_nor_textual(command: str) -> None:
    loaded = run_and_list(command, "--help")
    assert f"picochat.cli.{'import_model' if command == 'import' else command}" in loaded
    assert not {"torch", "textual"} & loaded


def test_the_package_itself_imports_nothing_heavy() -> None:
    assert not {"torch", "textual", "numpy", "pydantic"} & loaded_by("import picochat")


def test_the_screen_and_the_engine_know_no_torch() -> None:
    assert "torch" not in loaded_by("import picochat.ui.app, picochat.inference.engine, picochat.repl, picochat.web.app")


def test_a_model_that_was_opened_before_answers_without_torch(
    chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PICOCHAT_CACHE", str(tmp_path / "cache"))
    answer = f"import picochat; print(picochat.load({str(chat_model)!r}, device='cpu').generate('Hi', max_tokens=2))"
    first = loaded_by(answer)
    assert "torch" in first
    assert not {"torch._dynamo.config", "sympy"} & first
    again = loaded_by(answer)
    assert "onnxruntime" in again
    assert not {"torch", "onnx"} & again
    for arguments in (["generate", "-p", "Hi", "-t", "2"], ["chat", "-p", "Hi", "-t", "2"]):
        loaded = run_and_list(*arguments, "-m", str(chat_model), "--device", "cpu")
        assert "picochat.inference.onnx_backend" in loaded
        assert not {"torch", "onnx"} & loaded
