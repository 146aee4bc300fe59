"""A connection that does not wait for ever."""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 20.0
"""How long the head of a request may take to arrive."""
READ_SECONDS = 30.0
"""How long a client may leave unread what was sent to it."""


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, which drops clients that send the head of a request, or read the answer, too slowly."""

    header_seconds = HEADER_SECONDS
    read_seconds = READ_SECONDS
    _head_timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came."""
        super().connection_made(transport)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """The client sent something."""
        super().data_received(data)
        self._watch_head()

    def pause_writing(self) -> None:
        """The client does not read, and the buffer is full."""
        super().pause_writing()
        self._read_timer = self.loop.call_later(self.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read."""
        super().resume_writing()
        if self._read_timer is not None:
            self._read_timer.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client went, or was dropped."""
        for timer in (self._head_timer, self._read_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def _watch_head(self) -> None:
        """Let the time run from the first byte of a head to its last; bytes on the way don't turn it back."""
        incomplete = self.conn.their_state is h11.IDLE
        if incomplete and self._head_timer is None and not self.transport.is_closing():
            self._head_timer = self.loop.call_later(self.header_seconds, self.transport.abort)
        elif not incomplete and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
