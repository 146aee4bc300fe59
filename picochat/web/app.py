"""The app: routes in the form that OpenAI's clients speak, over one service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from picochat.errors import PicochatError
from picochat.inference.backend import ModelInfo
from picochat.inference.generation import Job
from picochat.web.errors import JsonResponse, answer_error
from picochat.web.guard import HostGuard, KeyGuard, read_json
from picochat.web.jobs import chat_jobs, check_model, completion_jobs
from picochat.web.models import short_name
from picochat.web.respond import Answers
from picochat.web.schema import ModelCard, ModelList, TextRequest
from picochat.web.service import Service
from picochat.web.shapes import ChatShape, Shape, TextShape

BODY_LIMIT = 1 << 20
BODY_SECONDS = 20.0


def make_app(
    service: Service,
    *,
    api: bool = True,
    api_key: str | None = None,
    hosts: Collection[str] | None = None,
    body_limit: int = BODY_LIMIT,
    body_seconds: float = BODY_SECONDS,
) -> FastAPI:
    """The app for one model.

    Args:
        api: have the routes that OpenAI's clients ask.
        api_key: what a client must send as `Authorization: Bearer`; `None` lets everybody in.
        hosts: names under which the server may be asked; `None` is any.
        body_limit: the most bytes of a request.
        body_seconds: how long a client may take to send it.
    """
    app = FastAPI(title="picochat", openapi_url=None)
    for kind in (PicochatError, HTTPException, Exception):
        app.add_exception_handler(kind, answer_error)
    if hosts is not None:
        app.add_middleware(HostGuard, hosts=hosts)

    @app.get("/health")
    async def health() -> Response:
        load = service.load
        state = {"status": "ok" if service.accepting else "stopping", "running": load.running, "waiting": load.waiting}
        return JsonResponse(state, 200 if service.accepting else 503)

    async def read(request: HttpRequest) -> Any:
        return await read_json(request, limit=body_limit, seconds=body_seconds)

    if api:
        app.include_router(_api(service, read), prefix="/v1", dependencies=[Depends(KeyGuard(api_key))])
    return app


def model_name(info: ModelInfo) -> str:
    """What clients call a model."""
    return short_name(info.path)


def _api(service: Service, read: Callable[[HttpRequest], Any]) -> APIRouter:
    """The routes below `/v1`."""
    engine = service.engine
    name = model_name(engine.info)
    card = ModelCard(id=name, created=int(time.time()))
    api = APIRouter()

    @api.get("/models")
    async def models() -> Response:
        return JsonResponse(ModelList(data=[card]).model_dump())

    @api.get("/models/{wanted:path}")
    async def model(wanted: str) -> Response:
        check_model(wanted, name)
        return JsonResponse(card.model_dump())

    @api.post("/chat/completions")
    async def chat(request: HttpRequest) -> Response:
        values = await read(request)
        # a long text takes a while to encode: not in the event loop
        body, jobs = await asyncio.to_thread(chat_jobs, engine, name, values)
        shape = ChatShape(engine.tokenizer, name, logprobs=body.logprobs)
        return await _answer(request, service, body, jobs, shape, [0] * body.n, len(jobs[0].ids))

    @api.post("/completions")
    async def completions(request: HttpRequest) -> Response:
        values = await read(request)
        body, jobs, texts = await asyncio.to_thread(completion_jobs, engine, name, values)
        shape = TextShape(engine.tokenizer, name, logprobs=body.logprobs is not None, prompts=texts)
        read_tokens = sum(len(job.ids) for job in jobs[:: body.n])
        return await _answer(request, service, body, jobs, shape, list(map(len, texts)), read_tokens)

    return api


async def _answer(
    request: HttpRequest,
    service: Service,
    body: TextRequest,
    jobs: list[Job],
    shape: Shape,
    offsets: list[int],
    prompt_tokens: int,
) -> Response:
    generation = service.generate(jobs, client=request.client.host if request.client else "")
    answers = Answers(generation, shape, service.engine.tokenizer, prompt_tokens=prompt_tokens, offsets=offsets)
    if body.stream:
        return answers.stream(include_usage=body.stream_options.include_usage)
    return await answers.whole(request)
