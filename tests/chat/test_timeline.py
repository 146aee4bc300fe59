"""One question to several checkpoints."""

from __future__ import annotations

from pathlib import Path

import pytest

from picochat.chat.comparison import tell, timeline
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.chat.variants import MOST
from picochat.errors import PicochatError
from tests.chat.comparing import ask, draw, other_models, said
from tests.fakes import scripted_session


def test_a_timeline_asks_each_model_alone_with_one_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    session = scripted_session(["Hello"], ChatSettings(system="Be kind."))
    ask(session, "Remember me")
    opened = other_models(monkeypatch, session, {"1.pt": ["aa"], "2.pt": ["bb"]})
    comparison = timeline(session, [("step 1", Path("1.pt")), ("step 2", Path("2.pt"))], "Hi?")
    first, second = draw(comparison)
    assert [(column.label, column.text) for column in (first, second)] == [("step 1", "aa"), ("step 2", "bb")]
    assert first.reply is not None and second.reply is not None
    assert first.reply.seed == second.reply.seed
    seen = "".join(map(opened[0].tokenizer.piece, first.reply.prompt.ids))
    assert "Hi?" in seen and "Be kind." in seen
    assert "Remember me" not in seen
    assert said(session) == ["Remember me", "Hello"]
    with pytest.raises(PicochatError):
        comparison.keep(first)


def test_a_timeline_without_a_text_asks_the_last_question_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    session = scripted_session(["Hello", "Fine"], ChatSettings(seed=5))
    ask(session, "Remember me")
    ask(session, "How are you?")
    opened = other_models(monkeypatch, session, {"1.pt": ["aa"]})
    (column,) = draw(timeline(session, [("step 1", Path("1.pt"))]))
    assert column.reply is not None
    seen = "".join(map(opened[0].tokenizer.piece, column.reply.prompt.ids))
    assert "Remember me" in seen and seen.count("How are you?") == 1
    assert "Fine" not in seen
    assert column.reply.seed == 5


def test_a_timeline_needs_no_model_of_the_chat_and_leaves_out_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    session = ChatSession()
    other_models(monkeypatch, session, {f"{step}.pt": [f"at {step}"] for step in range(11)})
    comparison = timeline(session, [(str(step), Path(f"{step}.pt")) for step in range(11)], "Hi")
    assert [column.label for column in comparison.columns] == ["0", "2", "4", "6", "8", "10"]
    assert len(comparison.columns) == MOST
    assert [column.text for column in draw(comparison)][-1] == "at 10"
    with pytest.raises(PicochatError, match="no checkpoints"):
        timeline(session, [], "Hi")
    with pytest.raises(PicochatError, match="no answer"):
        timeline(session, [("a", Path("1.pt"))])


def test_plain_lines_of_a_timeline_name_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    session = ChatSession()
    other_models(monkeypatch, session, {"1.pt": ["aa"]})
    notes: list[str] = []
    tell(timeline(session, [("step 1", Path("1.pt"))], "Hi"), notes.append, lambda _: None)
    assert notes[0] == "[1] step 1 (1.pt)"
    assert notes[-1] == "/load FILE takes one of these models."
