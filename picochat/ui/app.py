"""The Textual app: it wires the session to the chat screen."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType

from picochat.chat.prompts import PromptHistory
from picochat.chat.session import ChatSession
from picochat.ui.screens.chat import ChatScreen
from picochat.ui.work import Job


class ChatApp(App[int]):
    """Talk to a model.

    Args:
        session: what is being talked with; its model may still be missing.
        model: what to load once the screen is there; `None` when the session has its engine already.
        history: typed texts of earlier chats.
        notice: what the user should know at once.
    """

    TITLE = "picochat"
    CSS_PATH = ["chat.tcss", "input.tcss"]  # noqa: RUF012  (declared so by Textual)
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", "Quit", priority=True)]
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (90, "-wide")]  # noqa: RUF012  (declared so by Textual)

    def __init__(
        self,
        session: ChatSession,
        model: Path | None = None,
        history: PromptHistory | None = None,
        notice: str | None = None,
    ) -> None:
        super().__init__()
        self.chat = ChatScreen(session, model, history or PromptHistory(), notice)

    def get_default_screen(self) -> ChatScreen:
        """The chat is the first and only screen."""
        return self.chat

    @property
    def unfinished_jobs(self) -> list[Job]:
        """Work that goes on after the screen has closed."""
        jobs = [job for job in (self.chat.answer_job, self.chat.loading_job) if job is not None]
        return [job for job in jobs if not job.join(0.5)]
