"""What several end-to-end tests need."""

from __future__ import annotations

from pathlib import Path

import pytest

from picochat.checkpoint import save_checkpoint
from tests.evaluation.tiny import network, tiny_engine


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chat model with drawn weights, called small."""
    engine = tiny_engine()
    path = tmp_path_factory.mktemp("model") / "small.pt"
    save_checkpoint(path, network(engine), engine.tokenizer, {"kind": "chat"})
    return path
