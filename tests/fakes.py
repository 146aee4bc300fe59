"""A back end that says what a test wants, so that the engine and all above it can be tested with a known text."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from picochat.chat.session import ChatSession
from picochat.chat.settings import ChatSettings
from picochat.inference.backend import ModelInfo
from picochat.inference.engine import Engine
from picochat.inference.prompt import SILENCE
from picochat.text.chat_format import ChatFormat, Message
from picochat.text.tokenizer import Tokenizer

PRINTABLE = "".join(map(chr, range(32, 127))) + "\n\x1bäöü€😀"


def char_tokenizer() -> Tokenizer:
    """One token for each printable character."""
    return Tokenizer.train([PRINTABLE], "char")


class ScriptedBackend:
    """Answers every prompt with the next of `replies`, character by character, then the end of the turn.

    It counts what it reads: `prefills` holds the length of every prefill, `opened` the lanes. With `spread` it is less sure
    of some characters than of others.
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
            parameters=1_000_000_000,  # it has as many answers as a test needs, and draws each once
            vocab_size=tokenizer.vocab_size,
            context=context,
            device="cpu",
            precision="fp32",
            training={"kind": "chat", "step": 7},
        )
        self.tokenizer = tokenizer
        self.delay = delay
        self.prefills: list[int] = []
        self.opened: list[ScriptedLanes] = []
        self._replies = list(replies)
        self._ends = ends
        self._spread = spread
        self._ids: list[int] = []
        self._script: list[int] = []
        self._prompt = 0
        self._silent = False

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
        self._script = self.next_reply()
        self._prompt = len(self._ids)
        return self._next()

    def step(self, token: int) -> npt.NDArray[np.float32]:
        return self.read((token,))[0]

    def read(self, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        if self.delay:
            time.sleep(self.delay * len(ids))  # as slow where tokens are guessed: tests act meanwhile
        rows = []
        for token in ids:
            self._ids.append(token)
            rows.append(self._next())
        return np.stack(rows)

    def truncate(self, length: int) -> None:
        assert 0 <= length <= len(self._ids)
        del self._ids[length:]

    def twin(self) -> ScriptedBackend:
        """What guidance asks: it has no reply to nothing."""
        twin = ScriptedBackend([], self.tokenizer, context=self.info.context)
        twin._silent = True
        return twin

    def lanes(self, count: int) -> ScriptedLanes:
        return ScriptedLanes(self, count)

    def next_reply(self) -> list[int]:
        """The tokens of the next of the replies."""
        reply = self._replies.pop(0) if self._replies else "..."
        return self.tokenizer.encode(reply) + ([self.tokenizer.im_end] if self._ends else [])

    def _next(self) -> npt.NDArray[np.float32]:
        # by the place, so that what was guessed wrong and taken back costs nothing of the script
        return self.logits(self._script, max(0, self.length - self._prompt), self.length)

    def logits(self, script: Sequence[int], place: int, length: int) -> npt.NDArray[np.float32]:
        """What follows `length` tokens, `place` of them from the script."""
        logits = np.zeros(self.info.vocab_size, dtype=np.float32)
        if self._silent:
            return logits
        rest = self.tokenizer.encode("la ")
        token = script[place] if place < len(script) else rest[(place - len(script)) % len(rest)]
        if self._spread:
            # always the likeliest, with from two to a hundred percent
            logits[:] = np.linspace(0, 0.5, len(logits))
            logits[token] = (12.0, 7.0, 9.0, 5.0, 12.0, 3.0, 1.5)[length % 7]
        else:
            logits[token] = 30.0
        return logits


class ScriptedLanes:
    """The same side by side: each lane takes the next reply with its first step.

    `passes` holds the number of lanes of every step. Lanes that read what guidance asks have no reply.
    """

    def __init__(self, backend: ScriptedBackend, count: int) -> None:
        self.count = count
        self.passes: list[int] = []
        self._backend = backend
        self._lengths = [0] * count
        self._prompts = [0] * count
        self._scripts: list[list[int]] = [[] for _ in range(count)]
        self._silence = ChatFormat(backend.tokenizer).prompt([Message("user", SILENCE)])[:-1]
        self._silent = [False] * count
        backend.opened.append(self)

    def length(self, lane: int) -> int:
        return self._lengths[lane]

    def prefill(self, lane: int, ids: Sequence[int]) -> npt.NDArray[np.float32]:
        self._silent[lane] = list(ids) == self._silence
        if not self._silent[lane]:
            self._backend.prefills.append(len(ids))
        self._lengths[lane] += len(ids)
        return np.zeros(self._backend.info.vocab_size, dtype=np.float32)

    def step(self, tokens: Mapping[int, int]) -> npt.NDArray[np.float32]:
        if self._backend.delay:
            time.sleep(self._backend.delay)
        self.passes.append(len(tokens))
        rows = []
        for lane in tokens:
            self._lengths[lane] += 1
            assert self._lengths[lane] <= self._backend.info.context
            if self._silent[lane]:
                rows.append(np.zeros(self._backend.info.vocab_size, dtype=np.float32))
                continue
            if not self._scripts[lane]:
                self._scripts[lane], self._prompts[lane] = self._backend.next_reply(), self._lengths[lane]
            place = self._lengths[lane] - self._prompts[lane]
            rows.append(self._backend.logits(self._scripts[lane], place, self._lengths[lane]))
        return np.stack(rows)

    def truncate(self, lane: int, length: int) -> None:
        assert 0 <= length <= self._lengths[lane]
        self._lengths[lane] = length
        self._scripts[lane] = []

    def fork(self, source: int, target: int) -> None:
        self._lengths[target] = self._lengths[source]
        self._silent[target] = self._silent[source]


def scripted_session(replies: Sequence[str], settings: ChatSettings | None = None, **options: object) -> ChatSession:
    """A chat with a scripted model."""
    tokenizer = char_tokenizer()
    session = ChatSession(settings)
    session.use(Engine(ScriptedBackend(replies, tokenizer, **options), tokenizer))  # type: ignore[arg-type]
    return session
