"""The list of what is being typed may become: commands, and then their arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from textual import on
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from picochat.chat.actions import COMMANDS
from picochat.chat.commands import Command
from picochat.chat.completion import Completion
from picochat.chat.fuzzy import match
from picochat.chat.session import ChatSession
from picochat.text.safe import printable
from picochat.ui.work import Job

MAX_ROWS = 8
SHARE = 0.35
"""Of the screen's height, at most."""


@dataclass(frozen=True)
class Offer:
    """A row of the popup.

    Attributes:
        line: the input, once it is taken.
        label: what is shown of it, with the letters `marks` that were typed.
        detail: what to know about it, and `more` finds out the whole of it.
        runs: whether the line is complete.
        waits: whether it can't run while an answer is coming.
        command: the command, when it is not an argument.
    """

    line: str
    label: str
    marks: tuple[int, ...]
    detail: str
    runs: bool
    waits: bool
    command: Command | None = None
    more: Callable[[], str] | None = None

    @property
    def head(self) -> Content:
        """The left column."""
        content = Content(self.label)
        for mark in self.marks:
            content = content.stylize("bold", mark, mark + 1)
        hint = f" {self.command.argument}" if self.command and self.command.argument else ""
        return Content.assemble(content, (hint, "dim"))

    def row(self, width: int, *, answering: bool) -> Content:
        """How it looks, the left column that many cells wide."""
        head, waits = self.head, self.waits and answering
        gap = " " * (width - head.cell_length + 2)
        row = Content.assemble(head, gap, "(after the answer) " if waits else "", printable(self.detail))
        return row.stylize("dim", 0 if waits else len(head))


class CommandPopup(OptionList, can_focus=False):
    """Shown above the input while a command is typed; the focus stays in the input."""

    @dataclass
    class MoreKnown(Message):
        """The whole detail of an offer has been found out by job `run`."""

        run: int
        index: int
        detail: str

    def __init__(self, session: ChatSession, answering: Callable[[], bool]) -> None:
        super().__init__(markup=False)
        self.session = session
        self.offers: list[Offer] = []
        self.display = False
        self._answering = answering
        self._text = ""
        self._width = 0
        self._job: Job | None = None

    def refresh_for(self, text: str) -> None:
        """Show what another text may become, or hide; for the same text, it stays hidden once it was."""
        if text == self._text:
            return
        self._text = text
        self.hide()
        if not text.startswith("/") or text.startswith("//") or "\n" in text:
            return
        if " " not in text:
            self._show([self._command(command) for command in COMMANDS.matching(text)], highlighted=0)
        elif completions := COMMANDS.completions(self.session, text):
            name, _, argument = text.partition(" ")
            command = COMMANDS.find(name)
            # where an argument may be left out, Enter must not take one that nobody chose
            free = not argument.strip() and not command.needs_argument
            offers = [self._argument(name, command, completion) for completion in completions]
            self._show(offers, highlighted=None if free else 0)

    def redraw(self) -> None:
        """An answer has begun or ended: other commands can run now."""
        for index, offer in enumerate(self.offers):
            self.replace_option_prompt_at_index(index, self._row(offer))

    def hide(self) -> None:
        """Close."""
        if self._job is not None:
            self._job.stop()
        self.offers = []
        self.display = False

    def move(self, step: int) -> None:
        """Move the highlight, round the ends."""
        if self.offers:
            start = -1 if self.highlighted is None and step > 0 else self.highlighted or 0
            self.highlighted = (start + step) % len(self.offers)

    def accept(self, key: str, text: str) -> tuple[str, bool]:
        """The input after "tab" or "enter", and whether it runs now."""
        if not self.offers or (self.highlighted is None and key == "enter"):
            return text, key == "enter"
        offer = self.offers[self.highlighted or 0]
        if key == "enter":
            return offer.line, offer.runs and not (offer.waits and self._answering())
        goes_on = offer.command is not None and bool(offer.command.argument) and offer.runs
        return offer.line + " " * goes_on, False

    @property
    def chosen(self) -> Command | None:
        """The highlighted command."""
        return self.offers[self.highlighted or 0].command if self.offers else None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """A few rows, on a low screen fewer: the conversation stays in view."""
        return min(super().get_content_height(container, viewport, width), MAX_ROWS, max(1, int(viewport.height * SHARE)))

    def on_unmount(self) -> None:
        """Nobody waits for more any longer."""
        self.hide()

    def _show(self, offers: list[Offer], highlighted: int | None) -> None:
        self.offers = offers
        self.display = bool(offers)
        if not offers:
            return
        self._width = max(offer.head.cell_length for offer in offers)
        self.set_options(Option(self._row(offer)) for offer in offers)
        self.highlighted = highlighted
        slow = [(index, offer.more) for index, offer in enumerate(offers) if offer.more is not None]
        if slow:
            self._job = Job(lambda job: self._find_out(job, slow))

    def _row(self, offer: Offer) -> Content:
        return offer.row(self._width, answering=self._answering())

    def _command(self, command: Command) -> Offer:
        found = match(self._text.removeprefix("/"), command.name)
        return Offer(
            line=f"/{command.name}" + (" " if command.needs_argument else ""),
            label=f"/{command.name}",
            marks=tuple(mark + 1 for mark in found.marks) if found else (),
            detail=command.help,
            runs=not command.needs_argument,
            waits=not command.while_answering,
            command=command,
        )

    def _argument(self, name: str, command: Command, completion: Completion) -> Offer:
        return Offer(
            line=f"{name} {completion.value}",
            label=completion.value,
            marks=completion.marks,
            detail=completion.detail,
            runs=completion.final,
            waits=not command.while_answering,
            more=completion.more,
        )

    def _find_out(self, job: Job, slow: list[tuple[int, Callable[[], str]]]) -> None:
        for index, more in slow:
            if job.stopped():
                return
            self.post_message(self.MoreKnown(job.run, index, more()))

    @on(MoreKnown)
    def _more_known(self, event: MoreKnown) -> None:
        event.stop()
        # the list may be another one by now
        if self._job is not None and event.run == self._job.run and event.index < len(self.offers):
            offer = self.offers[event.index] = replace(self.offers[event.index], detail=event.detail, more=None)
            self.replace_option_prompt_at_index(event.index, self._row(offer))
