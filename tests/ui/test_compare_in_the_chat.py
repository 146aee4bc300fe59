"""/compare, /keep, /timeline and /watch as one types them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.ui.app import ChatApp
from picochat.ui.screens.compare import CompareScreen
from picochat.ui.screens.watch import WatchScreen
from tests.fakes import scripted_session
from tests.ui.driver import SIZE, app_for, idle, notes, send, texts, wait_until


def compared(app: ChatApp) -> bool:
    """Whether the columns are shown and have all come."""
    screen = app.screen
    return isinstance(screen, CompareScreen) and screen.job is None and all(c.ended for c in screen.comparison.columns)


async def test_the_chosen_answer_takes_the_place_of_the_last() -> None:
    session = scripted_session(["One", "Two", "Three", "Four"])
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["One"] and idle(app)())
        await send(pilot, "/compare temperature=1.2 wild")
        await wait_until(pilot, lambda: compared(app))
        assert [column.text for column in app.screen.comparison.columns] == ["One", "Two", "Three"]
        await pilot.press("right", "enter")
        await wait_until(pilot, lambda: app.screen is app.chat)
        await wait_until(pilot, lambda: texts(app, "assistant") == ["Two"])
        await send(pilot, "/keep 3")
        await wait_until(pilot, lambda: "gone on" in notes(app))
        await send(pilot, "And?")
        await wait_until(pilot, lambda: texts(app, "assistant")[-1] == "Four")
        assert [entry.message.content for entry in session.conversation.entries][:2] == ["Hi", texts(app, "assistant")[0]]


async def test_a_single_prompt_is_compared_too() -> None:
    app = app_for(scripted_session(["One", "Two"], ChatSettings(mode="single")))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "Hi")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["One"] and idle(app)())
        await send(pilot, "/compare seed=7")
        await wait_until(pilot, lambda: compared(app))
        await pilot.press("right", "enter")
        await wait_until(pilot, lambda: texts(app, "assistant") == ["One", "Two"])


async def test_nothing_to_compare_is_told() -> None:
    app = app_for(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        for line in ("/compare", "/keep 2", "/compare temprature=1"):
            await send(pilot, line)
        assert "no answer" in notes(app)
        assert "/compare makes some" in notes(app)
        assert "did you mean temperature=" in notes(app)


async def test_checkpoints_answer_in_columns_and_the_chosen_one_is_loaded(
    chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for step in (10, 200):
        target = tmp_path / "runs" / "mine" / "steps" / f"step-{step:06d}.pt"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(chat_model, target)
    session = ChatSession(ChatSettings(temperature=0, max_tokens=8), device="cpu")
    session.load(chat_model)
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "/timeline runs/mine Hello there")
        await wait_until(pilot, lambda: compared(app))
        columns = app.screen.comparison.columns
        assert [column.label for column in columns] == ["step 10", "step 200"]
        assert app.screen.comparison.question.text == "Hello there"
        assert all(column.state == "done" and column.text for column in columns)
        await pilot.press("right", "enter")
        await wait_until(pilot, lambda: session.require_engine().info.path.name == "step-000200.pt")
        await send(pilot, "/timeline")
        assert "neither" in notes(app) or "no" in notes(app).lower()


async def test_a_run_is_watched_from_the_chat_and_left_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = app_for(scripted_session([]))
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, "/watch")
        assert "no run under runs" in notes(app)
        run = tmp_path / "runs" / "mine"
        run.mkdir(parents=True)
        (run / "metrics.jsonl").write_text(
            json.dumps({"step": 1, "loss": 2.0, "tokens": 10, "seconds": 1.0, "lr": 0.1}) + "\n"
        )
        await send(pilot, "/watch")
        await wait_until(pilot, lambda: isinstance(app.screen, WatchScreen))
        assert app.screen.folder == Path("runs/mine")
        await wait_until(pilot, lambda: app.screen.history.losses.values)
        await pilot.press("q")
        await wait_until(pilot, lambda: app.screen is app.chat)
