"""A back end that says what a test wants, so that the engine and all above it can be tested with a known text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.inference.backend import ModelInfo
from picochat.inference.engine import Engine
from picochat.text.tokenizer import Tokenizer

PRINTABLE = "".join(map(chr, range(32, 127))) + "\n\x1bäöü€😀"


def char_tokenizer() -> Tokenizer:
    """One token for each printable character."""
    return Tokenizer.train([PRINTABLE], "char")


class ScriptedBackend:
    """Answers every prompt with the next of `replies`, character by character, then the end of the turn.

    It counts what it reads: `prefills` holds the length of every prefill. With `spread` it is less sure of some characters
    than of others.
    """

    def __init__(
        self,
        replies: Sequence[str],
        tokenizer: Tokenizer,
        *,
        context: int = 512,
        delay: float = 0.0,
        ends: bool = True,
        spread: bool = False,
    ) -> None:
        self.info = ModelInfo(
            path=Path("scripted.pt"),
            architecture="scripted",
            parameters=1_000,
            vocab_size=tokenizer.vocab_size,
            context=context,
            device="cpu",
            precision="fp32",
            training={"kind": "chat", "step": 7},
        )
        self.tokenizer = tokenizer
        self.delay = delay
        self.prefills: list[int] = []
        self._replies = list(replies)
        self._ends = ends
        self._spread = spread
        self._ids: list[int] = []
        self._script: list[int] = []

    @property
    def length(self) -> int:
        return len(self._ids)

    @property
    def cache_bytes(self) -> int:
        return 4096 * self.info.context

    def prefill(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        assert len(ids) >= 1
        assert len(self._ids) + len(ids) <= self.info.context
        self.prefills.append(len(ids))
        self._ids.extend(ids)
        reply = self._replies.pop(0) if self._replies else "..."
        self._script = self.tokenizer.encode(reply) + ([self.tokenizer.im_end] if self._ends else [])
        return self._next()

    def step(self, token: int) -> npt.NDArray[np.float32]:
        if self.delay:
            time.sleep(self.delay)
        self._ids.append(token)
        return self._next()

    def truncate(self, length: int) -> None:
        assert 0 <= length <= len(self._ids)
        del self._ids[length:]

    def _next(self) -> npt.NDArray[np.float32]:
        logits = np.zeros(self.info.vocab_size, dtype=np.float32)
        script = self._script or self.tokenizer.encode("la ")
        if not self._script:
            self._script = list(script)
        if self._spread:
            # always the likeliest, with from two to a hundred percent
            logits[:] = np.linspace(0, 0.5, len(logits))
            logits[self._script.pop(0)] = (12.0, 7.0, 9.0, 5.0, 12.0, 3.0, 1.5)[self.length % 7]
        else:
            logits[self._script.pop(0)] = 30.0
        return logits


def scripted_session(replies: Sequence[str], settings: ChatSettings | None = None, **options: object) -> ChatSession:
    """A chat with a scripted model."""
    tokenizer = char_tokenizer()
    session = ChatSession(settings)
    session.use(Engine(ScriptedBackend(replies, tokenizer, **options), tokenizer))  # type: ignore[arg-type]
    return session
