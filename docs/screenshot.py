"""Draw docs/*.svg: the real app with the shipped model and fixed seeds.

python docs/screenshot.py
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from textual.pilot import Pilot

from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.locations import default_model
from picochat.ui.app import ChatApp
from picochat.ui.screens.compare import CompareScreen

MESSAGES = ("Hello!", "Who are you?", "Tell me a story about a dragon.")
SIZE = (92, 30)
PICTURES: dict[str, Sequence[str]] = {
    "chat": (),
    "microscope": ("/probs", "/inspect"),
    "compare": ("/compare temperature=0.2 temperature=1.4",),
}
"""File names, and the commands that lead to what they show."""


async def send(pilot: Pilot[int], text: str) -> None:
    """Type a line, press Enter, and wait for what comes of it."""
    app = pilot.app
    assert isinstance(app, ChatApp)
    app.chat.prompt.text = text
    app.chat.popup.hide()
    await pilot.press("enter")
    await pilot.pause(0.2)
    while app.chat.answering.job is not None or (isinstance(app.screen, CompareScreen) and app.screen.job is not None):
        await pilot.pause(0.05)
    await pilot.pause(0.3)


async def draw(target: Path, commands: Sequence[str], seed: int = 6) -> None:
    """Hold the conversation, run the commands and save the screen."""
    session = ChatSession(ChatSettings(seed=seed, reduced_motion=True), device="cpu")
    session.load(default_model())
    app = ChatApp(session)
    async with app.run_test(size=SIZE) as pilot:
        for line in (*MESSAGES, *commands):
            await send(pilot, line)
        target.write_text(app.export_screenshot(title="picochat"), encoding="utf-8")


if __name__ == "__main__":
    for name, commands in PICTURES.items():
        asyncio.run(draw(Path(__file__).parent / f"{name}.svg", commands))
