from __future__ import annotations

from pathlib import Path

import pytest

from picochat.chat.store import ConversationStore


@pytest.fixture
def store() -> ConversationStore:
    return ConversationStore(None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "history.sqlite3"
