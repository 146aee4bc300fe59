"""Errors as OpenAI's clients read them: a status, and an object with a sentence."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from picochat.errors import CheckpointError, PicochatError
from picochat.web.service import QueueFullError, StoppedError


class ApiError(PicochatError):
    """A request that is refused.

    Args:
        status: of HTTP.
        code: a short name, for programs.
        param: the field of the request that is wrong.
        headers: more headers of the response.
    """

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.param, self.headers = status, code, param, headers


class JsonResponse(Response):
    """An object as JSON; text that is no Unicode, as a client may send it in a name, doesn't break it."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode."""
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", errors="replace")


def as_api_error(error: Exception) -> ApiError:
    """The status and code of an error of any kind."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, QueueFullError):
        return ApiError(429, str(error), "queue_full", headers={"Retry-After": "1"})
    if isinstance(error, StoppedError):
        return ApiError(503, str(error), "stopping")
    if isinstance(error, PicochatError) and not isinstance(error, CheckpointError):
        return ApiError(400, str(error))
    if isinstance(error, CheckpointError):
        return ApiError(500, str(error), "model_error")
    return ApiError(500, "The server made a mistake; its log says more.", "internal_error")


def error_object(error: ApiError) -> dict[str, Any]:
    """What the client gets."""
    kind = {401: "authentication_error", 429: "rate_limit_error"}.get(error.status, "invalid_request_error")
    if error.status >= 500:
        kind = "server_error"
    return {"error": {"message": str(error), "type": kind, "param": error.param, "code": error.code}}


async def answer_error(request: Request, error: Exception) -> Response:
    """A response for an error: a handler for the app."""
    if isinstance(error, HTTPException):
        named = {404: f"There is nothing at {request.url.path}.", 405: f"{request.url.path} takes no {request.method}."}
        error = ApiError(error.status_code, named.get(error.status_code, str(error.detail)))
    known = as_api_error(error)
    return JsonResponse(error_object(known), known.status, headers=known.headers)
