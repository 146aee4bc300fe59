"""How the screens look: a picture each, drawn by the app with a known text and a clock of its own.

After a change of looks: pytest tests/ui/test_snapshots.py --snapshot-update; look at the pictures before committing them.
"""

from __future__ import annotations

import itertools
import json
import types
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot

from picochat.chat.recorder import Recorder
from picochat.chat.settings import ChatSettings
from picochat.chat.store import ConversationStore
from picochat.ui.app import ChatApp
from picochat.ui.screens.compare import CompareScreen
from picochat.ui.watch_app import WatchApp
from picochat.ui.widgets.prompt import PromptInput
from tests.fakes import scripted_session
from tests.ui.driver import idle, send, texts, wait_until

Scene = Callable[[Pilot], Awaitable[None]]

REPLIES = (
    "Hello Ada! It is good to meet you. What do you like to do on a rainy day?",
    "Books are a fine choice. Which one did you read last, and would you read it again?",
    "I don't know that one. [Tell me] about it!",
    "Once I read the whole alphabet in one go. It has no ending, but the middle is exciting.",
)
SIZES = [(80, 24), (120, 40), (60, 20)]


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A clock that ticks a hundredth of a second whenever it is read, and a place without a history."""
    ticks = itertools.count()
    clock = types.SimpleNamespace(perf_counter=lambda: next(ticks) / 100, monotonic=lambda: next(ticks) / 100)
    monkeypatch.setattr("picochat.inference.generation.time", clock)
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "COLORTERM", "TEXTUAL_ANIMATIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")


def chat(**settings: object) -> ChatApp:
    session = scripted_session(
        REPLIES, ChatSettings.parse({"seed": 7, "top_k": 1, "reduced_motion": True, **settings}), spread=True
    )
    return ChatApp(session)


async def talk(pilot: Pilot) -> None:
    app = pilot.app
    assert isinstance(app, ChatApp)
    await wait_until(pilot, lambda: app.chat.is_attached and app.chat.query(PromptInput))
    for number, text in enumerate(("Hi, I'm Ada.", "I like to read."), 1):
        await send(pilot, text)
        await wait_until(pilot, lambda number=number: len(texts(app, "assistant")) == number and idle(app)())
    await settle(pilot)


async def settle(pilot: Pilot) -> None:
    """Until two pictures in a row are the same."""
    before, now = "", pilot.app.export_screenshot()
    while now != before:
        await pilot.pause(0.2)
        before, now = now, pilot.app.export_screenshot()


def typed(*lines: str, keys: tuple[str, ...] = ()) -> Scene:
    async def scene(pilot: Pilot) -> None:
        await talk(pilot)
        for line in lines:
            await send(pilot, line)
        await pilot.press(*keys)
        await settle(pilot)
        if isinstance(pilot.app.screen, CompareScreen):
            await wait_until(pilot, lambda: pilot.app.screen.job is None)
            await settle(pilot)

    return scene


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("looks", ["dark", "light", "nocolor"])
def test_a_conversation(snap_compare, looks: str, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    if looks == "nocolor":
        monkeypatch.setenv("NO_COLOR", "1")
    app = chat(theme="light" if looks == "light" else "dark")
    assert snap_compare(app, terminal_size=size, run_before=typed("/nonsense"))


SCENES: dict[str, Scene] = {
    "popup": typed(keys=("slash", "c", "o")),
    "settings": typed(keys=("f2",)),
    "help": typed(keys=("f1",)),
    "palette": typed(keys=("ctrl+p",)),
    "probs": typed("/probs"),
    "microscope": typed(keys=("f3",)),
    "context": typed("/context"),
    "tokens": typed("/tokens Hi [there] 😀"),
    "compare": typed("/compare temperature=1.2 wild"),
    "cursor": typed(keys=("ctrl+up", "up")),
    "multiline": typed(keys=("a", "ctrl+j", "b", "ctrl+j", "c")),
}


@pytest.mark.parametrize("size", [(80, 24), (60, 20)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("scene", SCENES)
def test_what_opens(snap_compare, scene: str, size: tuple[int, int]) -> None:
    assert snap_compare(chat(), terminal_size=size, run_before=SCENES[scene])


@pytest.mark.parametrize("scene", ["probs", "compare", "context", "popup"])
def test_without_color_nothing_is_lost(snap_compare, scene: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(chat(), terminal_size=(80, 24), run_before=SCENES[scene])


def test_an_empty_chat(snap_compare) -> None:
    assert snap_compare(chat(), terminal_size=(80, 24), run_before=settle)


def test_saved_conversations(snap_compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picochat.ui.widgets.conversation_list.local_time", lambda moment: "2027-01-15 08:00")
    app = chat()
    app.chat.session.recorder = Recorder(ConversationStore(None))
    assert snap_compare(app, terminal_size=(80, 24), run_before=typed(keys=("ctrl+o",)))


def run_folder(folder: Path) -> Path:
    lines = []
    for step in range(1, 201):
        record = {"step": step, "seconds": step * 0.5, "tokens": step * 2048, "loss": 2 + 4 / step**0.5, "lr": 0.01}
        record["tokens_per_second"] = 4096.0
        if step % 50 == 0:
            record |= {"val_loss": 2.1 + 4 / step**0.5, "val_bpb": 1.5, "sample": "Hello! I'm picochat. [What] do you like?"}
        lines.append(json.dumps(record))
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_run(snap_compare, size: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_folder(tmp_path / "run")
    app: App[None] = WatchApp(Path("run"))
    now = (tmp_path / "run" / "metrics.jsonl").stat().st_mtime
    monkeypatch.setattr("picochat.ui.screens.watch.time", types.SimpleNamespace(time=lambda: now + 1))
    assert snap_compare(app, terminal_size=size, run_before=settle)
