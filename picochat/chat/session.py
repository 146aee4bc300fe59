"""One chat: a model, a conversation and settings, with no screen in it. Every front end drives this."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

from picochat.chat.conversation import Conversation, Entry, Prompt
from picochat.chat.settings import ChatSettings
from picochat.errors import PicochatError
from picochat.inference.engine import Engine, StopReason, Token, load_engine

SEED_LIMIT = 2**31
"""Random seeds stay below this, so that they are short enough to type."""


class Reply:
    """An answer while it comes: iterate it for `Token` records, then read how it went.

    Attributes:
        question: the message in the conversation that it answers; `None` in single-prompt mode.
        seed: what it is drawn with.
        prompt: what the model saw.
        text: the answer so far.
        stop: why it ended; `None` while it hasn't.
    """

    def __init__(
        self, session: ChatSession, question: Entry | None, prompt: Prompt, seed: int, cancelled: Callable[[], bool]
    ) -> None:
        self.question = question
        self.seed = seed
        self.prompt = prompt
        self.text = ""
        self.stop: StopReason | None = None
        self.count = 0
        self.first_token_seconds: float | None = None
        self.seconds = 0.0
        self._session = session
        self._cancelled = cancelled
        self._ids: list[int] = []

    def __iter__(self) -> Iterator[Token]:
        session = self._session
        engine = session.require_engine()
        end = {engine.tokenizer.im_end, engine.tokenizer.end_of_text} if engine.info.chats else set()
        try:
            for token in engine.stream(
                self.prompt.ids,
                session.settings.sampling(self.seed),
                end=end,
                # a chat that slid would answer without its question: it says that the window is full instead
                slide=not engine.info.chats,
                cancelled=self._cancelled,
            ):
                self._note(token, end)
                yield token
        finally:
            session._finish(self, self._ids)

    def _note(self, token: Token, end: set[int]) -> None:
        self.text += token.text
        self.stop = token.stop
        self.seconds = token.seconds
        if token.id is not None:
            self.count += 1
            if self.first_token_seconds is None:
                self.first_token_seconds = token.seconds
            if token.id not in end:
                self._ids.append(token.id)

    @property
    def tokens_per_second(self) -> float:
        """Speed after the first token."""
        if self.count < 2 or self.first_token_seconds is None or self.seconds <= self.first_token_seconds:
            return 0.0
        return (self.count - 1) / (self.seconds - self.first_token_seconds)


class ChatSession:
    """A model that may still be loading, a conversation, and settings."""

    def __init__(self, settings: ChatSettings | None = None, *, device: str = "auto", threads: int | None = None) -> None:
        self.settings = settings or ChatSettings()
        self.conversation = Conversation(system=self.settings.system)
        self.engine: Engine | None = None
        self.last: Reply | None = None
        self._device = device
        self._threads = threads

    def load(self, path: str | Path) -> Engine:
        """Take another model; the conversation goes on with it. When it can't be loaded, the old one stays.

        Raises:
            CheckpointError, DeviceError: the model can't be used here.
        """
        engine = self.open(path)
        self.use(engine)
        return engine

    def open(self, path: str | Path) -> Engine:
        """Load a model without taking it yet; safe on another thread. Raises as `load` does."""
        return load_engine(path, device=self._device, threads=self._threads)

    def use(self, engine: Engine) -> None:
        """Take an engine that is already loaded."""
        self.engine = engine
        self.conversation.forget_ids()
        if not engine.info.chats:
            self.settings = self.settings.changed(mode="single")

    def require_engine(self) -> Engine:
        """The engine; raises `PicochatError` while there is none."""
        if self.engine is None:
            raise PicochatError("No model is loaded yet; wait a moment, or name one with /load.")
        return self.engine

    def change(self, name: str, text: str) -> None:
        """Change one setting by what a user typed; raises `ConfigError`."""
        settings = self.settings.with_text(name, text)
        if settings.mode == "conversation" and self.engine is not None and not self.engine.info.chats:
            raise PicochatError(
                "This model learnt from plain text and can't hold a conversation; it goes on with each text."
            )
        self.settings = settings
        self.conversation.system = settings.system

    def reply(self, text: str, cancelled: Callable[[], bool] = lambda: False) -> Reply:
        """Take a user's message and return the answer, to be iterated.

        The message joins the conversation when the answer has ended, with as much of the answer as there was; an answer
        stopped before its first word leaves no trace.

        Raises:
            PicochatError: no model is loaded.
        """
        engine = self.require_engine()
        seed = self.settings.seed if self.settings.seed is not None else secrets.randbelow(SEED_LIMIT)
        limit = self.settings.sampling(seed).max_tokens
        reserve = max(1, min(limit or engine.context, engine.context // 4))
        question = None
        if not engine.info.chats:
            ids = engine.chat_format.document(text).ids
            prompt = Prompt(ids)
        elif self.settings.mode == "single":
            alone = Conversation(system=self.settings.system)
            alone.add("user", text)
            prompt = alone.prompt(engine.chat_format, engine.context, reserve)
        else:
            question = self.conversation.add("user", text)
            prompt = self.conversation.prompt(engine.chat_format, engine.context, reserve)
        self.last = Reply(self, question, prompt, seed, cancelled)
        return self.last

    def reset(self) -> None:
        """Start a new conversation."""
        self.conversation.reset()
        self.last = None

    @property
    def context_used(self) -> int:
        """Tokens of the window that are taken."""
        return self.engine.cached if self.engine else 0

    def _finish(self, reply: Reply, ids: list[int]) -> None:
        """An answer has ended: keep it."""
        # the conversation may have been reset or left meanwhile
        if reply.question is None or self.conversation.entries[-1:] != [reply.question]:
            return
        if reply.text or reply.stop == "end":
            self.conversation.add("assistant", reply.text, ids=ids, stop=reply.stop or "cancelled", seed=reply.seed)
        else:
            self.conversation.undo()
