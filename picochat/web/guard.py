"""What a request must show before it is worth reading: a host, a key, a size and a pace."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Collection
from typing import Any

import pydantic_core
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from picochat.web.errors import ApiError, JsonResponse, error_object

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


class HostGuard:
    """Middleware that answers only those who name one of `hosts`.

    A page on the web can let its own name point to this machine (DNS rebinding), and its scripts may then read what
    comes from here; but the browser still sends that name.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse a request."""
        if scope["type"] == "http":
            host = Headers(scope=scope).get("host", "").lower()
            name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
            if name not in self.hosts:
                known = ", ".join(sorted(self.hosts))
                error = ApiError(403, f"This server is for requests to {known}, not to '{name}'.", "wrong_host")
                await JsonResponse(error_object(error), 403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


class KeyGuard:
    """A dependency of routes that need the key, where there is one."""

    def __init__(self, key: str | None) -> None:
        self._key = key.encode() if key else None

    def __call__(self, request: Request) -> None:
        """Raise `ApiError` without the right key."""
        if self._key is None:
            return
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        # compared in constant time: how long it takes says nothing about how much of a guess is right
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.strip().encode(), self._key):
            raise ApiError(
                401,
                "The API key is missing or wrong; send it as 'Authorization: Bearer KEY'.",
                "invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )


async def read_json(request: Request, *, limit: int, seconds: float) -> Any:
    """The body of a request as JSON.

    Only `application/json` is read: a page on the web can't send that to another site without asking, and CORS is off.

    Args:
        limit: the most bytes, known or not before they come.
        seconds: how long the client may take to send them.

    Raises:
        ApiError: not JSON, too large or too slow.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, "The body must be JSON, with the header 'Content-Type: application/json'.")
    try:
        body = await asyncio.wait_for(_read(request, limit), seconds)
    except ClientDisconnect:
        raise ApiError(400, "The client left before its request was whole.", "client_left") from None
    except asyncio.TimeoutError:
        message = f"The body did not arrive within {seconds:g} seconds."
        raise ApiError(408, message, "timeout", headers={"Connection": "close"}) from None
    try:
        return pydantic_core.from_json(body, allow_inf_nan=False)
    except ValueError as error:
        raise ApiError(400, f"The body is not JSON: {error}.") from None


async def _read(request: Request, limit: int) -> bytes:
    """At most `limit` bytes; some more are read and dropped, so that a client can finish and hear why they are too many."""
    body = bytearray()
    dropped = 0
    declared = request.headers.get("content-length", "")
    too_large = declared.isdecimal() and int(declared) > limit
    if not (too_large and int(declared) > 16 * limit):
        async for chunk in request.stream():
            if too_large or len(body) + len(chunk) > limit:
                too_large = True
                dropped += len(chunk)
                if dropped > 16 * limit:
                    break
            else:
                body += chunk
    if too_large:
        message = f"The body has more than {limit:,} bytes; send less of the conversation."
        raise ApiError(413, message, "too_large", headers={"Connection": "close"})
    return bytes(body)
