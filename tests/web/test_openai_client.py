"""The official client against a real server: what it sends is understood, and what it reads is there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from openai import OpenAI

import picochat
from picochat.inference.prompt import completion
from picochat.inference.settings import SamplingSettings
from tests.evaluation.tiny import tiny_engine
from tests.web.fake import TOKENIZER, Running, echo, running

HELLO = [{"role": "user", "content": "Hello 😀!"}]


def client_of(server: Running, **options: Any) -> OpenAI:
    return OpenAI(base_url=f"{server.url}/v1", api_key=options.pop("api_key", "none"), max_retries=0, timeout=60, **options)


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(echo()) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: Running) -> OpenAI:
    return client_of(server)


def test_the_model_is_listed_under_its_name(client: OpenAI) -> None:
    (model,) = client.models.list()
    assert model.id == "echo"
    assert model.owned_by == "picochat"
    assert client.models.retrieve("echo") == model
    with pytest.raises(openai.NotFoundError, match=r"no model 'gpt-5' here; this server has 'echo'"):
        client.models.retrieve("gpt-5")


def test_a_chat_is_answered(client: OpenAI) -> None:
    done = client.chat.completions.create(model="echo", messages=HELLO)
    (choice,) = done.choices
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", "Hello 😀!", "stop")
    assert done.usage is not None
    assert done.usage.completion_tokens == len("Hello 😀!") + 1
    assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
    assert done.object == "chat.completion"
    assert done.model == "echo"


def test_a_streamed_answer_is_the_same(client: OpenAI) -> None:
    chunks = list(
        client.chat.completions.create(model="echo", messages=HELLO, stream=True, stream_options={"include_usage": True})
    )
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "Hello 😀!"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert chunks[-1].usage.completion_tokens == len("Hello 😀!") + 1


def test_usage_comes_only_when_asked_for(client: OpenAI) -> None:
    chunks = list(client.chat.completions.create(model="echo", messages=HELLO, stream=True))
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_content_may_come_in_parts_and_developers_are_the_system(client: OpenAI) -> None:
    parts = [{"type": "text", "text": "one, "}, {"type": "text", "text": "two"}]
    messages: Any = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": parts}]
    done = client.chat.completions.create(model="echo", messages=messages)
    assert done.choices[0].message.content == "one, two"


def test_length_and_stop_texts_end_an_answer(client: OpenAI) -> None:
    def ask(**options: Any) -> tuple[str | None, str]:
        choice = client.chat.completions.create(model="echo", messages=HELLO, **options).choices[0]
        return choice.message.content, choice.finish_reason

    assert ask(max_tokens=3) == ("Hel", "length")
    assert ask(max_completion_tokens=4, max_tokens=2) == ("Hell", "length")
    assert ask(stop="lo") == ("Hel", "stop")
    assert ask(stop=["xyz", " "]) == ("Hello", "stop")


def test_logprobs_of_a_chat_join_to_the_answer(client: OpenAI) -> None:
    done = client.chat.completions.create(model="echo", messages=HELLO, logprobs=True, top_logprobs=2, temperature=0)
    logprobs = done.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    assert "".join(token.token for token in logprobs.content) == "Hello 😀!"
    assert b"".join(bytes(token.bytes or []) for token in logprobs.content).decode() == "Hello 😀!"
    for token in logprobs.content:
        assert token.top_logprobs[0].token == token.token
        assert token.top_logprobs[0].logprob == token.logprob
        assert len(token.top_logprobs) == 2
        assert math.exp(token.logprob) > 0.9


def test_streamed_logprobs_leave_out_what_a_stop_text_swallowed(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="echo", messages=[{"role": "user", "content": "aXbXYc"}], stop="XY", logprobs=True, stream=True
    )
    text, tokens = "", []
    for chunk in stream:
        text += chunk.choices[0].delta.content or ""
        logprobs = chunk.choices[0].logprobs
        tokens += [token.token for token in (logprobs.content or [])] if logprobs else []
        assert text.startswith("".join(tokens))
    assert text == "aXb"
    assert tokens == ["a", "X", "b"]


def test_a_completion_goes_on_with_the_text(client: OpenAI) -> None:
    done = client.completions.create(model="echo", prompt="abc", max_tokens=4, temperature=0, logprobs=1, n=2)
    assert [choice.text for choice in done.choices] == ["efgh"] * 2
    assert [choice.index for choice in done.choices] == [0, 1]
    assert done.usage is not None
    assert (done.usage.prompt_tokens, done.usage.completion_tokens) == (4, 8)
    logprobs = done.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.tokens == ["e", "f", "g", "h"]
    assert logprobs.text_offset == [0, 1, 2, 3]
    assert logprobs.top_logprobs is not None
    assert [list(top) for top in logprobs.top_logprobs] == [["e"], ["f"], ["g"], ["h"]]
    assert len(client.completions.create(model="echo", prompt="abc").choices[0].text) == 16


def test_completions_of_several_prompts_with_echo(client: OpenAI) -> None:
    request: Any = {"model": "echo", "prompt": ["ab", "bcdef"], "max_tokens": 2, "echo": True, "temperature": 0}
    assert [choice.text for choice in client.completions.create(**request).choices] == ["abde", "bcdefgh"]
    texts = ["", ""]
    for chunk in client.completions.create(**request, stream=True):
        texts[chunk.choices[0].index] += chunk.choices[0].text
    assert texts == ["abde", "bcdefgh"]


def test_a_prompt_may_be_tokens(client: OpenAI) -> None:
    ids = [TOKENIZER.end_of_text, *TOKENIZER.encode("abc")]
    assert client.completions.create(model="echo", prompt=ids, max_tokens=3).choices[0].text == "efg"
    with pytest.raises(openai.BadRequestError, match="token ids from 0 to"):
        client.completions.create(model="echo", prompt=[10**9])


def test_a_text_ends_with_the_window(client: OpenAI) -> None:
    done = client.completions.create(model="echo", prompt="abc", max_tokens=100_000)
    assert done.choices[0].finish_reason == "length"
    assert done.usage is not None
    assert done.usage.total_tokens == 257
    with pytest.raises(openai.BadRequestError, match="The prompt has 301 tokens, and the model's window 256") as caught:
        client.completions.create(model="echo", prompt="x" * 300)
    assert caught.value.code == "context_length_exceeded"


def test_a_long_conversation_loses_its_oldest_turns(client: OpenAI) -> None:
    turns = [{"role": role, "content": f"turn {turn}"} for turn in range(50) for role in ("user", "assistant")]
    messages: Any = [*turns, {"role": "user", "content": "the last"}]
    assert client.chat.completions.create(model="echo", messages=messages).choices[0].message.content == "the last"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "does not support 'tools'"),
        ({"response_format": {"type": "json_object"}}, "does not support 'response_format'"),
        ({"frequency_penalty": 0.5}, "use repetition_penalty"),
        ({"temperature": 9}, "temperature must be less than or equal to 5, not 9"),
        ({"extra_body": {"repetition_penalty": 1e-40}}, "repetition-penalty must be greater than or equal to 0.01"),
        ({"max_tokens": 0}, "max-tokens must be greater than or equal to 1"),
        ({"n": 100}, "n must be less than or equal to 16"),
        ({"stop": ["x"] * 99}, "stop must be at most 16 texts"),
        ({"messages": []}, "at least one message of the user"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "text only"),
        ({"messages": [{"role": "tool", "content": "x", "tool_call_id": "1"}]}, "not 'tool'"),
        ({"messages": [{"role": "user"}]}, "both of them texts"),
        ({"messages": "Hi"}, "messages must be a list of messages"),
        ({"top_logprobs": 50, "logprobs": True}, "top-logprobs must be less than or equal to 20"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(client: OpenAI, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(openai.BadRequestError, match=sentence) as caught:
        client.chat.completions.create(**{"model": "echo", "messages": HELLO, **options})
    assert caught.value.type == "invalid_request_error"
    assert client.chat.completions.create(model="echo", messages=HELLO).choices[0].message.content == "Hello 😀!"


def test_harmless_fields_change_nothing(client: OpenAI) -> None:
    harmless: Any = {
        "frequency_penalty": 0, "presence_penalty": 0, "user": "me", "store": False, "metadata": {"a": "b"},
        "response_format": {"type": "text"}, "tool_choice": "none", "logit_bias": {}, "service_tier": "auto",
    }  # fmt: skip
    done = client.chat.completions.create(model="echo", messages=HELLO, **harmless, extra_body={"something": "new"})
    assert done.choices[0].message.content == "Hello 😀!"


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-5", messages=HELLO)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_a_model_of_plain_text_completes_and_does_not_chat() -> None:
    with running(echo(chats=False)) as server:
        client = client_of(server)
        with pytest.raises(openai.BadRequestError, match="learnt from plain text and can't chat; ask /v1/completions"):
            client.chat.completions.create(model="echo", messages=HELLO)
        assert client.completions.create(model="echo", prompt="abc", max_tokens=3).choices[0].text == "efg"


def test_the_key_is_asked_for() -> None:
    with running(echo(), api_key="right") as server:
        for wrong in ("wrong", "righ", "rightt"):
            with pytest.raises(openai.AuthenticationError, match="API key is missing or wrong"):
                client_of(server, api_key=wrong).models.list()
        client = client_of(server, api_key="right")
        assert client.chat.completions.create(model="echo", messages=HELLO).choices[0].message.content == "Hello 😀!"


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_seed_gives_what_the_engine_gives_alone(parallel: int) -> None:
    engine = tiny_engine(context=128)
    model = picochat.Model(engine)
    settings = {"temperature": 1.5, "max_tokens": 30}
    with running(engine, parallel=parallel) as server:
        client = client_of(server)

        def chat(seed: int, n: int = 1) -> list[str | None]:
            messages: Any = [{"role": "system", "content": "Be."}, {"role": "user", "content": f"Text {seed}"}]
            done = client.chat.completions.create(
                model="tiny", messages=messages, seed=seed, n=n, **settings, extra_body={"top_k": 0}
            )
            return [choice.message.content for choice in done.choices]

        def go_on(seed: int) -> str:
            stream = client.completions.create(model="tiny", prompt=f"Text {seed}", seed=seed, stream=True, **settings)
            return "".join(chunk.choices[0].text for chunk in stream)

        with ThreadPoolExecutor(12) as pool:
            chats = list(pool.map(chat, range(6)))
            texts = list(pool.map(go_on, range(6)))
        assert chat(3, n=2)[0] == chat(3)[0] == chats[3][0]
    for seed, (said, text) in enumerate(zip(chats, texts, strict=True)):
        messages = [{"role": "system", "content": "Be."}, {"role": "user", "content": f"Text {seed}"}]
        assert said == [model.chat(messages, seed=seed, top_k=0, **settings)]
        request = completion(engine, f"Text {seed}", raw=True)
        alone = engine.stream(request.ids, SamplingSettings(seed=seed, **settings), end=request.end, slide=False)
        assert text == "".join(token.text for token in alone)
    assert len({*texts}) == 6


@pytest.mark.parametrize(
    "extremes",
    [
        {"repetition_penalty": 0.01, "temperature": 5.0},
        {"repetition_penalty": 10.0, "temperature": 1e-300},
        {"top_p": 1e-300, "min_p": 0.999, "top_k": 1_000_000},
        {"temperature": 5e-324, "top_k": 1},
    ],
)
def test_no_setting_within_bounds_harms_the_model(extremes: dict[str, float]) -> None:
    with running(tiny_engine()) as server:
        done = client_of(server).completions.create(
            model="tiny", prompt="hello hello", max_tokens=10, extra_body={**extremes, "seed": 1}
        )
        assert done.choices[0].finish_reason in ("length", "stop")


@pytest.mark.parametrize("parallel", [1, 3, 8])
def test_eight_clients_at_once_get_each_their_own_answer(parallel: int) -> None:
    def ask(number: int) -> list[str]:
        words = f"I am number {number}, and you?"
        messages: Any = [{"role": "user", "content": words}]
        if number % 2:
            stream = client.chat.completions.create(model="echo", messages=messages, stream=True)
            return [words, "".join(chunk.choices[0].delta.content or "" for chunk in stream)]
        return [words, client.chat.completions.create(model="echo", messages=messages).choices[0].message.content or ""]

    with running(echo(), parallel=parallel) as server, ThreadPoolExecutor(8) as pool:
        client = client_of(server)
        for words, answer in pool.map(ask, range(24)):
            assert answer == words
        assert server.idle()
