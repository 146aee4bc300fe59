"""What a request must show before the page answers it: path, size and origin, and a password where there is one."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from picochat.web.errors import ApiError, JsonResponse, error_object

PREFIX = "/gradio_api/"
USED = ("info", "app_id", "heartbeat/", "queue/", "cancel", "reset", "startup-events", "theme.css")
"""Of Gradio's paths those that the page uses; files are neither sent nor taken."""
BODY_LIMIT = 1 << 20
WRONG_SECONDS = 0.5
"""What each wrong password costs; they are told one after another, so that guessing takes long."""

_LOGIN = Path(__file__).with_name("login.html")


class PageGate:
    """Stands before the page.

    Args:
        password: what visitors must type once; `None` lets everybody in.
    """

    def __init__(self, app: ASGIApp, password: str | None = None, body_limit: int = BODY_LIMIT) -> None:
        self.app = app
        self._password = password.encode() if password is not None else None
        self._body_limit = body_limit
        # cookies know no ports: each server has a name of its own
        self._cookie = f"picochat_{secrets.token_hex(4)}"
        self._token = secrets.token_urlsafe(32)
        self._wrong = asyncio.Lock()
        self._form = _LOGIN.read_text(encoding="utf-8")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        if path.startswith(PREFIX) and not path[len(PREFIX) :].startswith(USED):
            await _refuse(404, f"There is nothing at {path}.")(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD") and not _same_origin(headers):
            await _refuse(403, "Another site's page may not ask here.")(scope, receive, send)
        elif self._password is not None and path == "/login" and scope["method"] == "POST":
            await (await self._log_in(Request(scope, receive)))(scope, receive, send)
        elif self._password is None or self._known(headers):
            await self.app(scope, _limited(receive, self._body_limit), send)
        elif path in ("/", "/login"):
            await self._ask("", 401)(scope, receive, send)
        else:
            await _refuse(401, "The password is missing; open the page to type it.")(scope, receive, send)

    def _known(self, headers: Headers) -> bool:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return False
        return found is not None and hmac.compare_digest(found.value.encode(), self._token.encode())

    async def _log_in(self, request: Request) -> Response:
        form = parse_qs((await _short_body(request)).decode("ascii", errors="replace"), errors="replace")
        given = form.get("password", [""])[0].encode()
        assert self._password is not None
        if not hmac.compare_digest(given, self._password):
            async with self._wrong:
                await asyncio.sleep(WRONG_SECONDS)
            return self._ask("That password is wrong.", 401)
        response = RedirectResponse("/", 303)
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="lax", secure=request.url.scheme == "https")
        return response

    def _ask(self, problem: str, status: int) -> Response:
        headers = {"Cache-Control": "no-store", "X-Frame-Options": "DENY"}
        return HTMLResponse(self._form.replace("PROBLEM", problem), status, headers=headers)


def _refuse(status: int, message: str) -> Response:
    return JsonResponse(error_object(ApiError(status, message)), status)


def _same_origin(headers: Headers) -> bool:
    """Whether the page itself asks, or a program that is no browser."""
    if site := headers.get("sec-fetch-site"):
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _limited(receive: Receive, limit: int) -> Receive:
    """`receive` for a body of at most `limit` bytes; whoever sends more is taken for gone."""
    read = 0

    async def receive_some() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        return message if read <= limit else {"type": "http.disconnect"}

    return receive_some


async def _short_body(request: Request) -> bytes:
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > 4096:
                return b""
    except ClientDisconnect:
        return b""
    return body
