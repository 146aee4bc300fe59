"""An app that opens the list of saved conversations; `python -m tests.ui.conversations_host FILE` shows one."""

from __future__ import annotations

import sys
from pathlib import Path

from textual.app import App

from picochat.chat.store import ConversationStore
from picochat.ui.screens.conversations import ConversationsScreen


class Host(App[None]):
    def __init__(self, store: ConversationStore, current: int | None = None) -> None:
        super().__init__()
        self.picker = ConversationsScreen(store, current)
        self.results: list[int | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.picker, self.results.append)


if __name__ == "__main__":
    Host(ConversationStore(Path(sys.argv[1])), 4990).run()
