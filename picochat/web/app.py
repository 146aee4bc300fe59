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

from picochat.chat.request import answer_request
from picochat.errors import PicochatError
from picochat.inference.backend import ModelInfo
from picochat.inference.engine import Engine
from picochat.inference.generation import Job
from picochat.inference.prompt import Request, completion
from picochat.inference.settings import SamplingSettings
from picochat.runs import BEST
from picochat.web.errors import ApiError, JsonResponse, answer_error
from picochat.web.guard import HostGuard, KeyGuard, read_json
from picochat.web.respond import Answers
from picochat.web.schema import MOST_TEXTS, ChatRequest, CompletionRequest, ModelCard, ModelList, TextRequest
from picochat.web.service import Service
from picochat.web.shapes import ChatShape, Shape, TextShape

BODY_LIMIT = 1 << 20
BODY_SECONDS = 20.0


def make_app(
    service: Service,
    *,
    api_key: str | None = None,
    hosts: Collection[str] | None = None,
    body_limit: int = BODY_LIMIT,
    body_seconds: float = BODY_SECONDS,
) -> FastAPI:
    """The app for one model.

    Args:
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

    app.include_router(_api(service, read), prefix="/v1", dependencies=[Depends(KeyGuard(api_key))])
    return app


def model_name(info: ModelInfo) -> str:
    """What clients call a model: its file's name, or the run's for the best model of a run."""
    path = info.path.resolve()
    return path.parent.name if path.name == BEST else path.stem


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
        _check_model(wanted, name)
        return JsonResponse(card.model_dump())

    @api.post("/chat/completions")
    async def chat(request: HttpRequest) -> Response:
        values = await read(request)
        # a long text takes a while to encode: not in the event loop
        body, jobs = await asyncio.to_thread(_chat_jobs, engine, name, values)
        shape = ChatShape(engine.tokenizer, name, logprobs=body.logprobs)
        return await _answer(request, service, body, jobs, shape, [0] * body.n, len(jobs[0].ids))

    @api.post("/completions")
    async def completions(request: HttpRequest) -> Response:
        values = await read(request)
        body, jobs, texts = await asyncio.to_thread(_completion_jobs, engine, name, values)
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


def _chat_jobs(engine: Engine, name: str, values: Any) -> tuple[ChatRequest, list[Job]]:
    """What a chat asks for; raises `PicochatError`."""
    body = ChatRequest.read(values)
    _check_model(body.model, name)
    if not engine.info.chats:
        raise ApiError(400, f"The model '{name}' learnt from plain text and can't chat; ask /v1/completions.", param="model")
    request = answer_request(engine, body.messages, body.max_tokens)
    return body, [_job(request, body.sampling(index), body.alternatives) for index in range(body.n)]


def _completion_jobs(engine: Engine, name: str, values: Any) -> tuple[CompletionRequest, list[Job], list[str]]:
    """What is to be gone on from, and for each text what to begin it with; raises `PicochatError`."""
    body = CompletionRequest.read(values)
    _check_model(body.model, name)
    if body.echo and body.logprobs is not None:
        raise ApiError(400, "picochat does not support 'echo' together with 'logprobs'.", param="echo")
    requests = [_completion(engine, prompt) for prompt in body.prompt for _ in range(body.n)]
    if len(requests) > MOST_TEXTS:
        raise ApiError(400, f"n times the prompts must be at most {MOST_TEXTS} texts, not {len(requests)}.", param="n")
    texts = [prompt if isinstance(prompt, str) else engine.tokenizer.decode(prompt) for prompt in body.prompt]
    jobs = [_job(request, body.sampling(index), body.alternatives) for index, request in enumerate(requests)]
    return body, jobs, [text if body.echo else "" for text in texts for _ in range(body.n)]


def _completion(engine: Engine, prompt: str | tuple[int, ...]) -> Request:
    """A prompt to go on from; tokens are taken as they are."""
    request = completion(engine, prompt, raw=True) if isinstance(prompt, str) else _from_tokens(engine, prompt)
    if len(request.ids) >= engine.context:
        message = f"The prompt has {len(request.ids)} tokens, and the model's window {engine.context}; send less."
        raise ApiError(400, message, "context_length_exceeded", "prompt")
    return request


def _job(request: Request, settings: SamplingSettings, alternatives: int) -> Job:
    # no text goes on for ever: it ends with the window
    return Job(request.ids, settings, request.end, slide=False, alternatives=alternatives)


def _from_tokens(engine: Engine, ids: tuple[int, ...]) -> Request:
    size = engine.info.vocab_size
    if not all(0 <= token < size for token in ids):
        raise ApiError(400, f"prompt must be token ids from 0 to {size - 1}.", param="prompt")
    mark = engine.tokenizer.end_of_text
    return Request(list(ids) or [mark], frozenset({mark}))


def _check_model(wanted: str | None, name: str) -> None:
    if wanted not in (None, name):
        raise ApiError(404, f"There is no model '{wanted}' here; this server has '{name}'.", "model_not_found", "model")
