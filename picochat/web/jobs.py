"""From what a client asks for to jobs of the scheduler."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from picochat.chat.request import MessageLike, answer_request
from picochat.inference.engine import Engine
from picochat.inference.generation import Job
from picochat.inference.prompt import Request, completion
from picochat.inference.settings import SamplingSettings
from picochat.web.errors import ApiError
from picochat.web.schema import MOST_TEXTS, ChatRequest, CompletionRequest


def chat_job(engine: Engine, messages: Iterable[MessageLike], settings: SamplingSettings, *, alternatives: int = 0) -> Job:
    """The assistant's next message of a conversation; raises as `answer_request` does."""
    return _job(answer_request(engine, messages, settings.max_tokens), settings, alternatives)


def chat_jobs(engine: Engine, name: str, values: Any) -> tuple[ChatRequest, list[Job]]:
    """What a body of `/v1/chat/completions` asks for.

    Args:
        name: of the model.
        values: what the client sent.

    Raises:
        PicochatError: a request that can't be answered.
    """
    body = ChatRequest.read(values)
    check_model(body.model, name)
    if not engine.info.chats:
        raise ApiError(400, f"The model '{name}' learnt from plain text and can't chat; ask /v1/completions.", param="model")
    job = chat_job(engine, body.messages, body.sampling(0), alternatives=body.alternatives)
    return body, [replace(job, settings=body.sampling(index)) for index in range(body.n)]


def completion_jobs(engine: Engine, name: str, values: Any) -> tuple[CompletionRequest, list[Job], list[str]]:
    """What a body of `/v1/completions` asks for, and for each text what to begin it with; else like `chat_jobs`."""
    body = CompletionRequest.read(values)
    check_model(body.model, name)
    if body.echo and body.logprobs is not None:
        raise ApiError(400, "picochat does not support 'echo' together with 'logprobs'.", param="echo")
    if len(body.prompt) * body.n > MOST_TEXTS:
        raise ApiError(400, f"The prompts times n must be at most {MOST_TEXTS} texts.", param="n")
    jobs: list[Job] = []
    texts: list[str] = []
    for prompt in body.prompt:
        request = _completion(engine, prompt)
        text = prompt if isinstance(prompt, str) else engine.tokenizer.decode(prompt)
        for _ in range(body.n):
            jobs.append(_job(request, body.sampling(len(jobs)), body.alternatives))
            texts.append(text if body.echo else "")
    return body, jobs, texts


def check_model(wanted: str | None, name: str) -> None:
    """Raise `ApiError` for another model than the one that is served."""
    if wanted not in (None, name):
        raise ApiError(404, f"There is no model '{wanted}' here; this server has '{name}'.", "model_not_found", "model")


def _completion(engine: Engine, prompt: str | tuple[int, ...]) -> Request:
    """A prompt to go on from; tokens are taken as they are."""
    request = completion(engine, prompt, raw=True) if isinstance(prompt, str) else _from_tokens(engine, prompt)
    if len(request.ids) >= engine.context:
        message = f"The prompt has {len(request.ids)} tokens, and the model's window {engine.context}; send less."
        raise ApiError(400, message, "context_length_exceeded", "prompt")
    return request


def _from_tokens(engine: Engine, ids: tuple[int, ...]) -> Request:
    size = engine.info.vocab_size
    if not all(0 <= token < size for token in ids):
        raise ApiError(400, f"prompt must be token ids from 0 to {size - 1}.", param="prompt")
    mark = engine.tokenizer.end_of_text
    return Request(list(ids) or [mark], frozenset({mark}))


def _job(request: Request, settings: SamplingSettings, alternatives: int) -> Job:
    # no text goes on for ever: it ends with the window
    return replace(request, slide=False).job(settings, alternatives=alternatives)
