"""Loading models beside the chat, and noticing newer ones."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from picochat.chat.session import ChatSession
from picochat.errors import PicochatError
from picochat.inference.engine import Engine
from picochat.runs import BEST
from picochat.ui.model_file import ModelFile
from picochat.ui.work import Job, Target, load_model


class ModelScreen(Target, Protocol):
    """What loading a model asks of the screen."""

    session: ChatSession

    def say(self, text: str) -> None:
        """Show a note."""


class ModelLoading:
    """At most one model at a time is loaded, on a thread of its own; until it is there the old one stays.

    Attributes:
        job: the thread; `None` while nothing is being loaded.
    """

    def __init__(self, screen: ModelScreen) -> None:
        self._screen = screen
        self.job: Job | None = None
        self._next: tuple[Engine, ModelFile] | None = None
        self._file: ModelFile | None = None
        self._coming: ModelFile | None = None

    def start(self, path: str) -> None:
        """Begin to load a model; raises `PicochatError` while another is coming."""
        if self.job is not None:
            raise PicochatError("A model is being loaded already; wait for it.")
        place = Path(path)
        # as it is now: what is written while it loads is newer
        self._coming = ModelFile(place / BEST if (place / BEST).is_file() else place)
        self.job = load_model(self._screen.session, path, self._screen)

    def arrived(self, engine: Engine) -> None:
        """A model is there, to be taken when nothing uses the old one."""
        self.job = None
        path, coming = engine.info.path, self._coming
        self._next = engine, coming if coming is not None and coming.path == path else ModelFile(path)

    def failed(self) -> None:
        """It can't be loaded."""
        self.job = None

    def take(self) -> bool:
        """Go over to the model that has arrived, if there is one; returns whether there was."""
        if self._next is None:
            return False
        (engine, self._file), self._next = self._next, None
        self._screen.session.use(engine)
        self._screen.say(f"Loaded {engine.info.summary()}.")
        if not engine.info.chats:
            self._screen.say("This model learnt from plain text: it goes on with each text you send.")
        return True

    def look_for_newer(self) -> None:
        """A training may have written a better model over the one that is loaded: offer it, or take it if so set."""
        if self._file is None or self.job is not None or not self._file.changed():
            return
        if self._screen.session.settings.follow:
            self.start(str(self._file.path))
        else:
            self._screen.say(f"A newer {self._file.path.name} has been written: /load {self._file.path} takes it.")
