"""A model that answers with the user's own words, and a server around it, so that every client knows its right answer."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from picochat.inference.backend import ModelInfo
from picochat.inference.engine import Engine
from picochat.web.app import make_app
from picochat.web.server import Server, open_port
from picochat.web.service import Service
from tests.fakes import char_tokenizer

TOKENIZER = char_tokenizer()
HEADER = [TOKENIZER.im_start, *TOKENIZER.encode("assistant\n")]
Logits = npt.NDArray[np.float32]


class EchoBackend:
    """Answers a message with the message itself, and goes on with a plain text by its alphabet for ever.

    What it says follows from what it has read and from nothing else, whoever reads beside it.

    Attributes:
        steps: passes over the weights so far.
        gate: no pass is made while it is closed.
    """

    def __init__(self, *, chats: bool = True, context: int = 256, delay: float = 0.0) -> None:
        kind = "chat" if chats else "text"
        self.info = ModelInfo(
            Path("echo.pt"), "echo", 10**9, TOKENIZER.vocab_size, context, "cpu", "fp32", training={"kind": kind}
        )
        self.delay = delay
        self.steps = 0
        self.gate = threading.Event()
        self.gate.set()
        self.broken: Exception | None = None
        self._ids: list[int] = []

    @property
    def length(self) -> int:
        return len(self._ids)

    def prefill(self, ids: Sequence[int]) -> Logits:
        self._ids.extend(ids)
        assert len(self._ids) <= self.info.context
        return self.after(self._ids)

    def step(self, token: int) -> Logits:
        return self.prefill((token,))

    def read(self, ids: Sequence[int]) -> Logits:
        return np.stack([self.prefill((token,)) for token in ids])

    def truncate(self, length: int) -> None:
        assert 0 <= length <= len(self._ids)
        del self._ids[length:]

    def twin(self) -> EchoBackend:
        """What guidance asks."""
        return EchoBackend(context=self.info.context)

    def lanes(self, count: int) -> EchoLanes:
        return EchoLanes(self, count)

    def passed(self) -> None:
        """Count a pass."""
        self.gate.wait(20)
        time.sleep(self.delay)
        self.steps += 1
        if self.broken is not None:
            raise self.broken

    def after(self, ids: Sequence[int], *, alone: bool = True) -> Logits:
        if alone:
            self.passed()
        logits = np.linspace(0, 1, self.info.vocab_size, dtype=np.float32)
        logits[self._next(list(ids))] = 30.0
        return logits

    def _next(self, ids: list[int]) -> int:
        header = _rfind(ids, HEADER) if self.info.chats else None
        if header is None:
            return TOKENIZER.encode("abcdefghij")[len(ids) % 10]
        said = ids[: _rfind(ids[:header], [TOKENIZER.im_end]) or 0]
        start = _rfind(said, TOKENIZER.encode("user\n")) or 0
        reply = [*said[start + len("user\n") :], TOKENIZER.im_end]
        place = len(ids) - header - len(HEADER)
        return reply[min(max(place, 0), len(reply) - 1)]


class EchoLanes:
    """The same for several at once."""

    def __init__(self, backend: EchoBackend, count: int) -> None:
        self.count = count
        self._backend = backend
        self._ids: list[list[int]] = [[] for _ in range(count)]

    def length(self, lane: int) -> int:
        return len(self._ids[lane])

    def prefill(self, lane: int, ids: Sequence[int]) -> Logits:
        self._ids[lane].extend(ids)
        return self._backend.after(self._ids[lane])

    def step(self, tokens: Mapping[int, int]) -> Logits:
        self._backend.passed()
        for lane, token in tokens.items():
            self._ids[lane].append(token)
        return np.stack([self._backend.after(self._ids[lane], alone=False) for lane in tokens])

    def truncate(self, lane: int, length: int) -> None:
        del self._ids[lane][length:]

    def fork(self, source: int, target: int) -> None:
        self._ids[target] = list(self._ids[source])


def _rfind(ids: list[int], wanted: list[int]) -> int | None:
    for start in range(len(ids) - len(wanted), -1, -1):
        if ids[start : start + len(wanted)] == wanted:
            return start
    return None


class Running:
    """A server at work.

    Attributes:
        url: where it is.
    """

    def __init__(self, service: Service, server: Server, port: int) -> None:
        self.service, self.server, self.port = service, server, port
        self.url = f"http://127.0.0.1:{port}"

    def idle(self) -> bool:
        """Wait until nothing is at work and nothing waits."""
        return wait_for(lambda: self.service.load.running == self.service.load.waiting == 0)


@contextlib.contextmanager
def running(engine: Engine, *, parallel: int = 1, queue: int = 32, **options: Any) -> Iterator[Running]:
    """A real server on a free port, in a thread."""
    service = Service(engine, parallel=parallel, queue=queue)
    listener = open_port("127.0.0.1", 0)
    # so that a client that does not read is soon noticed
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    server = Server(make_app(service, **options), service)
    with at_work(server, listener, service.close) as port:
        yield Running(service, server, port)


@contextlib.contextmanager
def at_work(server: Server, listener: socket.socket, close: Callable[[], None]) -> Iterator[int]:
    """The server in a thread until the block ends, when `close` ends what it answers with; gives its port."""
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        assert wait_for(lambda: server.started)
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        close()
        listener.close()
        assert not thread.is_alive()


def echo(**options: Any) -> Engine:
    return Engine(EchoBackend(**options), TOKENIZER)


def wait_for(condition: Callable[[], object], seconds: float = 20.0) -> bool:
    """Whether it becomes true in time."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(condition())
