"""Pushing a model: what is written, that it arrives, and that its Space answers."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

import picochat
from picochat.interop.gguf_read import read_gguf
from picochat.interop.source import read_any
from tests.e2e import inside
from tests.interop.gguf_models import tiny
from tests.interop.hub_server import TOKEN, stand_in

Capture = pytest.CaptureFixture[str]


def model(tmp_path: Path, kind: str = "chat") -> Path:
    checkpoint = tiny("qwen3", kind=kind)
    checkpoint.training |= {"data": "talks.txt", "step": 120, "tokens": 4800, "val_bpb": 1.234567}
    checkpoint.save(tmp_path / "model.pt")
    return tmp_path / "model.pt"


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def front_matter(text: str) -> Any:
    return yaml.safe_load(text.split("---\n")[1])


def test_a_dry_run_writes_all_and_uploads_nothing(tmp_path: Path, capfd: Capture) -> None:
    options = ("-m", model(tmp_path), "--gguf", "q8_0", "--space", "--no-check")
    code, out, err = inside(capfd, "push", "ada/tiny", "--dry-run", tmp_path / "out", *options)
    assert code == 0
    assert out == f"{tmp_path / 'out' / 'model'}\n{tmp_path / 'out' / 'space'}\n"
    assert "Nothing was uploaded" in err
    pages = tmp_path / "out" / "model"
    expected = {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tiny.pt", "tiny-q8_0.gguf"}
    assert expected <= set(contents(pages))
    ours = tiny("qwen3")
    assert read_any(pages).config == read_any(pages / "tiny.pt").config == ours.config
    assert read_gguf(pages / "tiny-q8_0.gguf").config == ours.config
    assert read_any(pages / "tiny.pt").training["val_bpb"] == 1.234567


def test_the_card_tells_the_facts_of_the_training(tmp_path: Path, capfd: Capture) -> None:
    code, _, _ = inside(capfd, "push", "ada/tiny", "--dry-run", tmp_path / "out", "-m", model(tmp_path), "--no-check")
    assert code == 0
    card = (tmp_path / "out" / "model" / "README.md").read_text()
    assert front_matter(card) == {
        "library_name": "transformers", "pipeline_tag": "text-generation", "tags": ["picochat"],
    }  # fmt: skip
    for line in (
        "# tiny", "| Trained on | talks.txt |", "| Steps | 120 |", "| Bits per byte on held-out text | 1.235 |",
        'chat = pipeline("text-generation", "ada/tiny")', "With picochat: `picochat chat -m 'ada/tiny'`",
        "- `tiny.pt`: picochat's own file, with the tokenizer and the facts of the training",
    ):  # fmt: skip
        assert line in card.splitlines()
    assert "THIS FOLDER" not in card
    assert str(tmp_path) not in card
    assert not (tmp_path / "out" / "space").exists()


def test_what_is_pushed_is_what_a_dry_run_writes(tmp_path: Path, capfd: Capture) -> None:
    options = ["-m", str(model(tmp_path)), "--space", "--no-check"]
    assert inside(capfd, "push", "ada/tiny", "--dry-run", tmp_path / "out", *options)[0] == 0
    with stand_in() as server:
        environment = {**os.environ, "HF_ENDPOINT": server.address, "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}
        command = [sys.executable, "-m", "picochat", "push", "tiny", *options, "--private", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert (done.returncode, done.stderr) == (0, "")
        address = server.address
    places = {"model": f"{address}/ada/tiny", "space": f"{address}/spaces/ada/tiny"}
    assert json.loads(done.stdout) == {"name": "ada/tiny", "pushed": True, **places}
    assert server.pages == {
        "ada/tiny": contents(tmp_path / "out" / "model"),
        "spaces/ada/tiny": contents(tmp_path / "out" / "space"),
    }
    assert server.made["spaces/ada/tiny"]["sdk"] == "gradio"
    assert {wish["visibility"] for wish in server.made.values()} == {"private"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a b"], "can't be called 'a b'"),
        (["tiny", "--dry-run", "x", "--private"], "can't go with --token, --private or --update"),
        (["tiny", "--dry-run", "."], "is there already and holds something"),
        (["tiny", "--dry-run", "x", "-m", "none.pt"], "no model at none.pt"),
    ],
)
def test_mistakes(tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str) -> None:
    (tmp_path / "kept").write_text("x")
    monkeypatch.chdir(tmp_path)
    code, out, err = inside(capfd, "push", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not (tmp_path / "x").exists()


# -- the Space ----------------------------------------------------------------------------------------------------------


class Refused(Exception):
    """Stands for gradio.Error."""


def fake_gradio() -> ModuleType:
    """What app.py asks of Gradio, without its page."""
    fake = ModuleType("gradio")
    fake.Error = Refused  # type: ignore[attr-defined]
    fake.Chatbot = lambda **settings: SimpleNamespace(**settings)  # type: ignore[attr-defined]
    fake.ChatInterface = lambda fn, **settings: SimpleNamespace(fn=fn, **settings)  # type: ignore[attr-defined]
    return fake


def space_app(folder: Path) -> Any:
    spec = importlib.util.spec_from_file_location("space_app", folder / "app.py")
    assert spec is not None
    assert spec.loader is not None
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    return app


def write_space(tmp_path: Path, capfd: Capture, kind: str) -> Path:
    options = ("-m", model(tmp_path, kind), "--space", "--no-check")
    assert inside(capfd, "push", "ada/tiny", "--dry-run", tmp_path / "out", *options)[0] == 0
    return tmp_path / "out" / "space"


@pytest.mark.parametrize("gradio", ["fake", "real"])
def test_the_space_chats(tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch, gradio: str) -> None:
    if gradio == "real":
        pytest.importorskip("gradio")
    else:
        monkeypatch.setitem(sys.modules, "gradio", fake_gradio())
    folder = write_space(tmp_path, capfd, "chat")
    app = space_app(folder)
    history = [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "assistant", "content": "Hello"},
    ]
    asked: list[Any] = []
    stream = app.model.stream_chat
    monkeypatch.setattr(app.model, "stream_chat", lambda turns, **more: asked.extend(turns) or stream(turns, **more, seed=1))
    said = list(app.page.fn("How are you?", history))
    assert [turn["content"] for turn in asked] == ["Hi", "Hello", "How are you?"]
    assert len(said) > 1
    assert all(later.startswith(earlier) for earlier, later in pairwise(said))
    facts = front_matter((folder / "README.md").read_text())
    assert (facts["sdk"], facts["app_file"], facts["models"]) == ("gradio", "app.py", ["ada/tiny"])
    assert (folder / "requirements.txt").read_text() == f"picochat=={picochat.__version__}\n"


def test_the_space_of_a_text_model_goes_on_with_a_text(
    tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gradio", fake_gradio())
    app = space_app(write_space(tmp_path, capfd, "text"))
    assert list(app.page.fn("Once", []))[-1]


def test_an_error_of_picochat_is_shown_on_the_page(tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", fake_gradio())
    app = space_app(write_space(tmp_path, capfd, "chat"))
    with pytest.raises(Refused, match="role"):
        list(app.page.fn("Hi", [{"role": "nobody", "content": "x"}]))
