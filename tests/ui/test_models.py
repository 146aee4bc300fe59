"""Models that load, fail, and are replaced while one chats."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from picochat.chat.recorder import Recorder
from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.chat.store import ConversationStore
from picochat.ui.widgets.message import MessageView
from tests.chat.history import talk
from tests.fakes import scripted_session
from tests.ui.driver import SIZE, app_for, idle, notes, send, texts, wait_until


async def test_loading_a_bad_file_keeps_the_model_and_a_good_one_replaces_it(chat_model: Path, tmp_path: Path) -> None:
    session = scripted_session(["Hello"])
    old = session.engine
    app = app_for(session)
    (tmp_path / "bad.pt").write_bytes(b"junk")
    async with app.run_test(size=SIZE) as pilot:
        await send(pilot, f"/load {tmp_path / 'bad.pt'}")
        await wait_until(pilot, lambda: "not a picochat model" in notes(app))
        assert "model that was running stays" in notes(app)
        assert session.engine is old
        await send(pilot, f"/load {chat_model}")
        await wait_until(pilot, lambda: session.engine is not old)
        await send(pilot, "Hi, I'm Ada.")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        assert texts(app, "assistant")[0].startswith("Hello")


async def test_the_screen_is_there_before_the_model_and_a_message_waits(
    chat_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = ChatSession(ChatSettings(temperature=0), device="cpu")
    opened = session.open

    def slow(path: object) -> object:
        time.sleep(0.7)
        return opened(path)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "open", slow)
    app = app_for(session, chat_model)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: app.chat.models.job is not None)
        assert session.engine is None
        assert "loading" in str(app.chat.status.render())
        for text in ("Hi, I'm Ada.", "I like soup."):
            await send(pilot, text)
        assert texts(app, "user") == ["Hi, I'm Ada.", "I like soup."]
        await wait_until(pilot, lambda: idle(app)() and len(texts(app, "assistant")) == 2)
        assert texts(app, "assistant")[0].startswith("Hello")
        # each stands before its answer, though they were sent together
        assert [view.role for view in app.chat.transcript.query(MessageView)] == ["user", "assistant"] * 2


async def test_a_model_that_cannot_be_loaded_at_the_start_is_told(tmp_path: Path) -> None:
    app = app_for(ChatSession(device="cpu"), tmp_path / "none.pt")
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: "no model at" in notes(app))
        await send(pilot, "Hi")
        assert "No model is loaded" in notes(app)
        assert app.chat.prompt.text == "Hi"


async def test_a_model_that_is_ready_during_an_answer_waits_for_its_end(
    chat_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = scripted_session(["x" * 6000, "y"], delay=0.005, context=8192)
    old, opened, may_load = session.engine, session.open, threading.Event()

    def late(path: object) -> object:
        may_load.wait(60)
        return opened(path)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "open", late)
    app = app_for(session)
    async with app.run_test(size=SIZE) as pilot:
        app.chat.models.start(str(chat_model))
        await send(pilot, "Go")
        may_load.set()
        await wait_until(pilot, lambda: app.chat.models.job is None)
        assert app.chat.answering.job is not None
        assert session.engine is old
        await pilot.press("escape")
        await wait_until(pilot, lambda: session.engine is not old)
        await send(pilot, "Hi, I'm Ada.")
        await wait_until(pilot, lambda: idle(app)() and len(texts(app, "assistant")) == 2)


async def test_a_newer_model_is_offered_or_followed(chat_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    shutil.copy(chat_model, path)
    session = ChatSession(ChatSettings(temperature=0), device="cpu")
    app = app_for(session, path)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: session.engine is not None)
        await send(pilot, "Hi, I'm Ada.")
        await wait_until(pilot, lambda: idle(app)() and texts(app, "assistant"))
        first = session.engine
        app.chat.models.look_for_newer()
        assert "newer" not in notes(app)
        shutil.copy(chat_model, tmp_path / "new.pt")
        (tmp_path / "new.pt").replace(path)
        app.chat.models.look_for_newer()
        await pilot.pause()
        assert "A newer best.pt has been written" in notes(app)
        assert session.engine is first
        app.chat.session.change("follow", "on")
        shutil.copy(chat_model, tmp_path / "new.pt")
        (tmp_path / "new.pt").replace(path)
        app.chat.models.look_for_newer()
        await wait_until(pilot, lambda: session.engine is not first)
        assert len(session.conversation.entries) == 2


async def test_a_model_written_while_another_one_loads_is_noticed(
    chat_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "best.pt"
    shutil.copy(chat_model, path)
    session = ChatSession(ChatSettings(temperature=0), device="cpu")
    opened = session.open

    def overtaken(place: object) -> object:
        engine = opened(place)  # type: ignore[arg-type]
        shutil.copy(chat_model, tmp_path / "new.pt")
        (tmp_path / "new.pt").replace(path)
        return engine

    monkeypatch.setattr(session, "open", overtaken)
    app = app_for(session, tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: session.engine is not None)
        app.chat.models.look_for_newer()
        await wait_until(pilot, lambda: "A newer best.pt has been written" in notes(app))


@pytest.mark.parametrize("line", ["/reset", "/resume 1", "/branch", "/undo", "/edit"])
async def test_what_waits_for_the_model_goes_back_into_the_input(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ready, may_load = scripted_session(["One"]), threading.Event()
    session = ChatSession()
    session.recorder = Recorder(ConversationStore(None))
    talk(session.recorder.store, "Hi", "Ho")
    session.recorder.resume(session, 1)
    monkeypatch.setattr(session, "open", lambda _: may_load.wait(60) and ready.engine)
    app = app_for(session, Path("late.pt"))
    async with app.run_test(size=SIZE) as pilot:
        await wait_until(pilot, lambda: app.chat.models.job is not None)
        for text in ("A", "B", "C"):
            await send(pilot, text)
        assert texts(app, "user") == ["Hi", "A", "B", "C"]
        await pilot.press("escape")
        await wait_until(pilot, lambda: texts(app, "user") == ["Hi", "A", "B"])
        assert app.chat.prompt.text == "C"
        app.chat.run_command(line)
        await wait_until(pilot, lambda: app.chat.prompt.text == ("Hi\n" if line == "/edit" else "") + "A\nB\nC")
        await wait_until(pilot, lambda: not {"A", "B"} & set(texts(app, "user")))
        may_load.set()
        await wait_until(pilot, lambda: session.engine is not None)
        assert app.chat.answering.job is None
