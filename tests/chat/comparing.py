"""What the tests of comparisons and timelines do again and again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from picochat.chat.comparison import Column, Comparison
from picochat.chat.session import ChatSession
from picochat.errors import CheckpointError
from picochat.inference.engine import Engine
from tests.fakes import ScriptedBackend, char_tokenizer


def ask(session: ChatSession, text: str) -> str:
    return "".join(token.text for token in session.reply(text))


def draw(comparison: Comparison, cancelled: Callable[[], bool] = lambda: False) -> list[Column]:
    texts = defaultdict[Column, str](str)
    for column, token in comparison.run(cancelled):
        texts[column] += token.text if token is not None else ""
        assert column.text == texts[column]
    assert all(column.ended for column in comparison.columns)
    return comparison.columns


def scripted(session: ChatSession) -> ScriptedBackend:
    backend = session.require_engine().backend
    assert isinstance(backend, ScriptedBackend)
    return backend


def said(session: ChatSession) -> list[str]:
    return [entry.message.content for entry in session.conversation.entries]


def other_models(monkeypatch: pytest.MonkeyPatch, session: ChatSession, models: dict[str, list[str]]) -> list[Engine]:
    """Let `session` find scripted models by name, and nothing else; returns those it has opened, as they are opened."""
    opened: list[Engine] = []

    def load(path: Path) -> Engine:
        if str(path) not in models:
            raise CheckpointError(f"There is no model at {path}.")
        tokenizer = char_tokenizer()
        opened.append(Engine(ScriptedBackend(models[str(path)], tokenizer), tokenizer))
        return opened[-1]

    monkeypatch.setattr(session, "open", load)
    return opened
