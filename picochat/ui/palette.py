"""The command palette: the slash commands, searched by what they do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from picochat.chat.actions import COMMANDS
from picochat.text.safe import printable

if TYPE_CHECKING:
    from picochat.ui.app import ChatApp


class CommandProvider(Provider):
    """Every command of the registry that can run now, and those with few arguments once for each of them."""

    async def discover(self) -> Hits:
        """All commands, as long as nothing is typed."""
        for line, text in self._lines():
            if " " not in line:
                yield DiscoveryHit(Content(line), partial(self._run, line), text=line, help=_as_it_is(text))

    async def search(self, query: str) -> Hits:
        """Commands that fit what is typed, by name or by description."""
        matcher = self.matcher(query)
        for line, text in self._lines():
            # of /mode and /mode single, one is enough to be found by what it does
            score = max(matcher.match(line), matcher.match(text) * 0.9 if " " not in line else 0)
            if score > 0:
                # what is highlighted is read as markup
                shown = Content(printable(line)) if "[" in line else matcher.highlight(line)
                yield Hit(score, shown, partial(self._run, line), text=line, help=_as_it_is(text))

    def _lines(self) -> Iterator[tuple[str, str]]:
        chat = self._app.chat
        answering = chat.answering.job is not None
        for command in COMMANDS:
            if answering and not command.while_answering:
                continue
            yield f"/{command.name}", command.help
            for completion in COMMANDS.completions(chat.session, f"/{command.name} "):
                if completion.final and command.name != "help":
                    yield f"/{command.name} {completion.value}", completion.detail or command.help

    @property
    def _app(self) -> ChatApp:
        app: ChatApp = self.app  # type: ignore[assignment]
        return app

    def _run(self, line: str) -> None:
        self._app.chat.start_command(line)


def _as_it_is(text: str) -> str:
    """A description that somebody may have written: Textual reads a string as markup, and shows this as it is."""
    return Content(printable(text))  # type: ignore[return-value]
