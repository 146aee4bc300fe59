"""Models and texts that many tests use; models are really trained, once a session."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# this may run on a busy machine: time is no criterion
settings.register_profile("picochat", deadline=None)
settings.load_profile("picochat")

# a process a core tests models of a few thousand parameters: more threads only get into each other's way
os.environ.setdefault("OMP_NUM_THREADS", "1")

# its list of fonts takes seconds to make, and every test has a home of its own
os.environ.setdefault("MPLCONFIGDIR", str(Path(tempfile.gettempdir()) / "picochat-tests-matplotlib"))

NAMES = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gus", "Hana", "Ivo", "June"]
FOODS = ["soup", "rice", "bread", "plums"]


def chat_text() -> str:
    """Forty short conversations with a pattern that a tiny model learns in seconds."""
    return "\n\n".join(
        f"User: Hi, I'm {name}.\nAssistant: Hello {name}!\nUser: I like {food}.\nAssistant: Oh, {food} is good, {name}."
        for name in NAMES
        for food in FOODS
    )


@pytest.fixture(scope="session")
def chat_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "conv.txt"
    path.write_text(chat_text(), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def plain_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "plain.txt"
    path.write_text("The quick brown fox jumps over the lazy dog.\n" * 200, encoding="utf-8")
    return path


def train_tiny(data: Path, out: Path, **settings: object) -> Path:
    """Train a real model of a few thousand parameters; returns its file."""
    from picochat import train

    shape = {"preset": "nano", "layers": 2, "heads": 2, "embedding": 64, "context": 128, "vocab_size": 400}
    run = {"steps": 120, "batch_size": 8, "eval_every": 40, "device": "cpu", "out": out}
    result = train(data, **{**shape, **run, **settings})
    assert result.best is not None
    return result.best


@pytest.fixture(scope="session")
def chat_model(chat_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model that has learnt its forty conversations."""
    return train_tiny(chat_file, tmp_path_factory.mktemp("runs") / "chat")


@pytest.fixture(scope="session")
def text_model(plain_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of plain text, by characters."""
    return train_tiny(plain_file, tmp_path_factory.mktemp("runs") / "text", tokenizer="char", steps=60)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the files of whoever runs it."""
    for name in ("HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in os.environ:
        if name.startswith("PICOCHAT_"):
            monkeypatch.delenv(name)
    # what is made ready once for a model serves all tests of the session
    monkeypatch.setenv("PICOCHAT_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
