"""Small apps around one widget."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from textual.app import App, ComposeResult
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Footer, Input

import picochat.ui
from picochat.inference.engine import Alternative, Token
from picochat.ui.said import Note, Said
from picochat.ui.widgets.message import MessageView
from picochat.ui.widgets.new_text_hint import NewTextHint
from picochat.ui.widgets.transcript import Transcript


class TranscriptHost(App[None]):
    """A transcript above an input; what it asks for is kept in `asked`."""

    CSS_PATH = Path(picochat.ui.__file__).parent / "chat.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Message] = []

    def compose(self) -> ComposeResult:
        yield Transcript()
        yield Input()
        yield Footer(show_command_palette=False)

    @property
    def transcript(self) -> Transcript:
        return self.query_one(Transcript)

    @property
    def hint(self) -> NewTextHint:
        return self.query_one(NewTextHint)

    def on_transcript_copy_requested(self, event: Message) -> None:
        self.asked.append(event)

    on_transcript_edit_requested = on_transcript_copy_requested
    on_transcript_branch_requested = on_transcript_copy_requested
    on_transcript_regenerate_requested = on_transcript_copy_requested
    on_transcript_inspect_requested = on_transcript_copy_requested
    on_transcript_left = on_transcript_copy_requested

    def on_key(self, event) -> None:
        # as the chat screen does
        if event.is_printable and event.character and self.focused is self.transcript:
            self.query_one(Input).focus()
            self.query_one(Input).value += event.character
            event.stop()


async def wait_until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 60.0) -> None:
    """Let the app work until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the app never got there"
        await pilot.pause(0.01)


async def settle(pilot: Pilot[None]) -> None:
    """Let the app work until nothing moves any more."""
    transcript = pilot.app.query_one(Transcript)
    before = None
    while before != (now := (transcript.scroll_y, transcript.max_scroll_y, transcript.mounted, screen_lines(pilot))):
        before = now
        await pilot.pause(0.02)
        await pilot.pause()


def screen_lines(pilot: Pilot[None]) -> list[str]:
    """The text that the terminal would show, but for the scroll bar."""
    return [strip.text[:-2] for strip in pilot.app.screen._compositor.render_strips()]


def tokens(text: str, *, logprob: float = -0.1, alternatives: bool = False) -> list[Token]:
    """Records, one a character."""
    others = (Alternative(2, "x", -2.0),) if alternatives else ()
    return [Token(1, character, logprob, 0.0, others) for character in text]


def talk(count: int, words: int = 12) -> list[Said | Note]:
    """Messages by turns; each says its number."""
    roles = ("user", "assistant")
    return [Said(roles[index % 2], f"number {index}. " + "word " * words, index=index) for index in range(count)]


def shown(transcript: Transcript) -> list[int]:
    """The entries whose messages are on the screen, in part at least."""
    views = [view for view in transcript.query(MessageView) if view.region.overlaps(transcript.region)]
    return [view.said.index for view in views if view.said.index is not None]
