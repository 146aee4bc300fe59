"""Draw docs/chat.svg: the real app with the shipped model and fixed seeds.

python docs/screenshot.py
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.locations import default_model
from picochat.ui.app import ChatApp

MESSAGES = ("Hello!", "Who are you?", "Can you tell me a joke?")
SIZE = (92, 30)


async def draw(target: Path, seed: int = 3) -> None:
    """Hold the conversation and save the screen."""
    session = ChatSession(ChatSettings(seed=seed), device="cpu")
    session.load(default_model())
    app = ChatApp(session)
    async with app.run_test(size=SIZE) as pilot:
        for message in MESSAGES:
            app.chat.prompt.text = message
            await pilot.press("enter")
            while app.chat.answering.job is not None or not session.last or session.last.stop is None:
                await pilot.pause(0.05)
        await pilot.pause(0.3)
        target.write_text(app.export_screenshot(title="picochat"), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(draw(Path(__file__).parent / "chat.svg"))
