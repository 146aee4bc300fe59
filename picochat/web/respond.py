"""Sending what is generated: whole, or as server-sent events while it is written."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from picochat.errors import PicochatError
from picochat.text.tokenizer import Tokenizer
from picochat.web.errors import ApiError, as_api_error, error_object
from picochat.web.pieces import Piece, PieceMaker
from picochat.web.schema import Usage
from picochat.web.service import Generation
from picochat.web.shapes import Shape

T = TypeVar("T")

log = logging.getLogger(__name__)


class Answers:
    """The texts of one request on their way to the client.

    Args:
        prompt_tokens: tokens that were read, for the usage.
        offsets: for each text the characters before it, those of an echoed prompt.
    """

    def __init__(
        self, generation: Generation, shape: Shape, tokenizer: Tokenizer, *, prompt_tokens: int, offsets: Sequence[int]
    ) -> None:
        self._generation = generation
        self._shape = shape
        self._makers = [PieceMaker(tokenizer, offset) for offset in offsets]
        self._prompt_tokens = prompt_tokens

    async def whole(self, request: Request) -> Response:
        """Everything, once it is there; nothing more is written for a client that leaves before."""
        with self._generation:
            pieces = await while_connected(request, self._collect())
        return Response(_json(self._shape.whole(pieces, self._usage)), media_type="application/json")

    def stream(self, *, include_usage: bool) -> EventStream:
        """Chunks as they come."""
        return EventStream(self._events(include_usage), self._generation)

    async def _collect(self) -> list[Piece]:
        texts = [Piece("") for _ in self._makers]
        async for index, record in self._generation:
            texts[index] += self._makers[index].take(record)
        return texts

    async def _events(self, include_usage: bool) -> AsyncIterator[bytes]:
        try:
            for index in range(len(self._makers)):
                if opening := self._shape.opening(index):
                    yield _event(_json(opening))
            async for index, record in self._generation:
                piece = self._makers[index].take(record)
                # the end comes in a chunk of its own: some clients read no text beside it
                if piece.text or piece.tokens:
                    yield _event(_json(self._shape.chunk(index, Piece(piece.text, piece.tokens))))
                if piece.finish:
                    yield _event(_json(self._shape.chunk(index, Piece("", finish=piece.finish))))
            if include_usage:
                yield _event(_json(self._shape.totals(self._usage)))
            yield _event(b"[DONE]")
        except Exception as error:
            # the status has long been sent
            if not isinstance(error, PicochatError):
                log.error("A stream failed.", exc_info=error)
            yield _event(json.dumps(error_object(as_api_error(error))).encode())

    @property
    def _usage(self) -> Usage:
        written = sum(maker.count for maker in self._makers)
        return Usage(
            prompt_tokens=self._prompt_tokens, completion_tokens=written, total_tokens=self._prompt_tokens + written
        )


class EventStream(StreamingResponse):
    """Server-sent events of a generation, which is given up when the client leaves, in whatever state it is."""

    def __init__(self, events: AsyncIterator[bytes], generation: Generation) -> None:
        super().__init__(events, media_type="text/event-stream", headers={"Cache-Control": "no-cache"})
        self._generation = generation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them."""
        with self._generation:
            await super().__call__(scope, receive, send)


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; it is cancelled when the client leaves.

    Raises:
        ApiError: the client has left, and nobody reads this.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ApiError(400, "The client left before its answer was written.", "client_left")
    finally:
        working.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _json(model: BaseModel) -> bytes:
    return model.model_dump_json(exclude_unset=True).encode()


def _event(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
