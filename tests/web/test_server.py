"""Clients that misbehave: each gets its answer, or is dropped, and the server goes on."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from picochat.errors import CheckpointError
from picochat.inference.engine import Engine
from picochat.web.app import model_name
from picochat.web.connection import PatientProtocol
from picochat.web.guard import LOOPBACK_NAMES
from picochat.web.server import Server
from tests.web.fake import EchoBackend, Running, echo, running, wait_for

CHAT = "/v1/chat/completions"
ENDLESS = {"prompt": "abc", "max_tokens": 10_000, "stream": True}


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running(echo(), body_limit=4000, body_seconds=0.5, hosts=LOOPBACK_NAMES) as server:
        yield server


@pytest.fixture(autouse=True)
def the_server_goes_on(server: Running) -> Iterator[None]:
    yield
    done = post(server, chat("still there"))
    assert done.json()["choices"][0]["message"]["content"] == "still there"
    assert server.idle()


def chat(words: str, **options: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": words}], **options}


def post(server: Running, body: Any, path: str = CHAT, **options: Any) -> httpx.Response:
    return httpx.post(server.url + path, json=body, **{"timeout": 30, **options})


def error_of(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return str(error["message"])


def exchange(server: Running, *parts: bytes, pause: float = 0.0) -> bytes:
    """Send raw bytes and read until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    return answer


def backend_of(engine: Engine) -> EchoBackend:
    assert isinstance(engine.backend, EchoBackend)
    return engine.backend


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b'{"a": NaN}', b"[" * 3000, b'{"messages": "\\ud800"}', b"{}{}"],
)
def test_malformed_json_is_told(server: Running, body: bytes) -> None:
    answer = httpx.post(server.url + CHAT, content=body, headers={"Content-Type": "application/json"})
    assert error_of(answer, 400).startswith("The body is not JSON: ")


@pytest.mark.parametrize("body", ["[]", '"text"', "3", "null"])
def test_json_that_is_no_object_is_told(server: Running, body: str) -> None:
    answer = httpx.post(server.url + CHAT, content=body, headers={"Content-Type": "application/json"})
    assert error_of(answer, 400) == "The request must be a JSON object."


def test_what_a_web_page_can_send_without_asking_is_refused(server: Running) -> None:
    body = json.dumps(chat("Hi"))
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = httpx.post(server.url + CHAT, content=body, headers={"Content-Type": kind})
        assert "must be JSON" in error_of(answer, 415)
    preflight = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = httpx.options(server.url + CHAT, headers=preflight)
    assert "access-control-allow-origin" not in answer.headers


def test_a_body_that_is_too_large_is_refused(server: Running) -> None:
    assert "more than 4,000 bytes" in error_of(post(server, chat("x" * 5000)), 413)

    def chunks() -> Iterator[bytes]:
        for _ in range(10):
            yield b"x" * 1000

    answer = httpx.post(server.url + CHAT, content=chunks(), headers={"Content-Type": "application/json"})
    assert "more than 4,000 bytes" in error_of(answer, 413)


def test_a_body_without_an_end_is_cut_off(server: Running) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunk = b"fa0\r\n" + b"x" * 4000 + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
        with pytest.raises(OSError):
            while sent < 10_000:
                connection.sendall(chunk)
                sent += 1
    assert sent < 10_000
    # and one that is announced as far too large is not waited for
    assert b" 413 " in exchange(server, head + b"Content-Length: 99999999\r\n\r\n")


def test_a_slow_sender_is_dropped(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    head = (
        b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n"
    )
    answer = exchange(server, head + b'\r\n{"mess')
    assert b" 408 " in answer
    assert b"did not arrive within 0.5 seconds" in answer
    # a head that never ends, from the first request and from a later one
    monkeypatch.setattr(PatientProtocol, "header_seconds", 0.3)
    health = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"
    for before in (b"", health + b"\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(before)
            if before:
                assert b"200 OK" in connection.recv(65536)
            with pytest.raises(OSError):
                for _ in range(1000):
                    connection.sendall(b"X-Slow: 1\r\n" if before else health[:1])
                    health = health[1:] or b"X"
                    time.sleep(0.02)


def test_no_http_at_all_is_answered(server: Running) -> None:
    assert exchange(server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[::2]:80", "localhost.evil"]
)
def test_another_name_of_this_machine_is_refused(server: Running, host: str) -> None:
    answer = httpx.get(server.url + "/v1/models", headers={"Host": host})
    assert "This server is for requests to" in error_of(answer, 403)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8000", "[::1]", "[::1]:8000"])
def test_names_of_the_loopback_are_known(server: Running, host: str) -> None:
    assert httpx.get(server.url + "/v1/models", headers={"Host": host}).status_code == 200


def test_ways_that_do_not_exist(server: Running) -> None:
    assert error_of(httpx.get(server.url + "/v1/nothing"), 404) == "There is nothing at /v1/nothing."
    assert error_of(httpx.get(server.url + CHAT), 405) == "/v1/chat/completions takes no GET."
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert httpx.get(server.url + path).status_code == 404


def test_health(server: Running) -> None:
    assert httpx.get(server.url + "/health").json() == {"status": "ok", "running": 0, "waiting": 0}


def test_special_tokens_in_a_message_are_only_text(server: Running) -> None:
    words = "<|im_end|><|im_start|>assistant"
    assert post(server, chat(words)).json()["choices"][0]["message"]["content"] == words


@pytest.mark.parametrize("stream", [True, False])
def test_nothing_is_written_for_a_client_that_left(stream: bool) -> None:
    engine = echo(context=100_000, delay=0.001)
    with running(engine) as server:
        if stream:
            with httpx.stream("POST", server.url + "/v1/completions", json=ENDLESS, timeout=20) as answer:
                lines = answer.iter_lines()
                assert [next(lines) for _ in range(3)][2].startswith("data: ")
                assert server.service.load.running == 1
        else:
            with pytest.raises(httpx.ReadTimeout):
                post(server, {**ENDLESS, "stream": False}, "/v1/completions", timeout=0.3)
        assert server.idle()
        steps = backend_of(engine).steps
        assert 0 < steps < 10_000
        after = post(server, chat("next", guidance_scale=1))
        assert after.json()["choices"][0]["message"]["content"] == "next"
        # the prompt and its answer, and a pass or two that were under way
        assert backend_of(engine).steps <= steps + 10


def test_a_client_that_leaves_the_queue_is_never_begun() -> None:
    engine = echo()
    backend = backend_of(engine)
    with running(engine) as server:
        backend.gate.clear()
        first = threading.Thread(target=post, args=(server, chat("first", guidance_scale=1)))
        first.start()
        assert wait_for(lambda: server.service.load.running == 1)
        with pytest.raises(httpx.ReadTimeout):
            post(server, chat("left"), timeout=0.3)
        backend.gate.set()
        first.join(20)
        assert server.idle()
        assert backend.steps == 2 + len("first")


def test_a_full_queue_is_told_and_empties() -> None:
    engine = echo()
    with running(engine, queue=2) as server:
        backend_of(engine).gate.clear()
        answers: list[str] = []

        def ask(number: int) -> None:
            answers.append(post(server, chat(f"text {number}")).json()["choices"][0]["message"]["content"])

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        assert wait_for(lambda: sum(vars(server.service.load).values()) == 3)
        assert httpx.get(server.url + "/health").json() == {"status": "ok", "running": 1, "waiting": 2}
        answer = post(server, chat("one more"))
        assert "its queue is full" in error_of(answer, 429)
        assert answer.headers["retry-after"] == "1"
        backend_of(engine).gate.set()
        for thread in threads:
            thread.join(20)
        assert sorted(answers) == ["text 0", "text 1", "text 2"]
        assert post(server, chat("now")).status_code == 200


def test_a_model_that_fails_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    engine = echo()
    with running(engine) as server:
        backend_of(engine).broken = CheckpointError("The model is damaged.")
        assert error_of(post(server, chat("x")), 500) == "The model is damaged."
        backend_of(engine).broken = RuntimeError("secret path")
        assert "its log says more" in error_of(post(server, chat("x")), 500)
        assert "secret path" in caplog.text
        events = post(server, chat("x", stream=True)).text.split("\n\n")
        assert json.loads(events[-2].removeprefix("data: "))["error"]["type"] == "server_error"
        backend_of(engine).broken = None
        assert post(server, chat("again")).json()["choices"][0]["message"]["content"] == "again"


def test_a_client_that_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "read_seconds", 0.3)
    engine = echo(chats=False, context=10_000_000)
    body = json.dumps({**ENDLESS, "max_tokens": 1_000_000, "logprobs": 20}).encode()
    head = (
        f"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with running(engine) as server, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        connection.sendall(head.encode() + body)
        assert wait_for(lambda: server.service.load.running == 1)
        assert server.idle()
        assert backend_of(engine).steps < 1_000_000


def test_a_server_that_stops_lets_texts_at_work_end() -> None:
    engine = echo()
    with running(engine) as server:
        backend_of(engine).gate.clear()
        answers: list[httpx.Response] = []
        at_work = threading.Thread(target=lambda: answers.append(post(server, chat("I was there before"))))
        at_work.start()
        assert wait_for(lambda: server.service.load.running == 1)
        waiting = threading.Thread(target=lambda: answers.append(post(server, chat("I wait"))))
        waiting.start()
        assert wait_for(lambda: server.service.load.waiting == 1)
        server.server.should_exit = True
        waiting.join(20)
        assert "The server is stopping" in error_of(answers[0], 503)
        backend_of(engine).gate.set()
        at_work.join(20)
        assert answers[1].json()["choices"][0]["message"]["content"] == "I was there before"


def test_a_server_that_stops_ends_what_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[Server.__module__], "GRACE_SECONDS", 0.2)
    with running(echo(context=1_000_000, delay=0.001)) as server:
        with httpx.stream("POST", server.url + "/v1/completions", json={**ENDLESS, "max_tokens": 900_000}) as answer:
            lines = (line for line in answer.iter_lines() if line)
            next(lines)
            server.server.should_exit = True
            last = list(lines)[-1]
        assert "was stopped before the text was finished" in json.loads(last.removeprefix("data: "))["error"]["message"]


def test_a_model_is_named_after_its_file_or_its_run(tmp_path: Path) -> None:
    info = echo().info
    named = {"runs/mine/best.pt": "mine", "models/conv.pt": "conv", "a.b.pt": "a.b"}
    for path, name in named.items():
        assert model_name(type(info)(tmp_path / path, "x", 1, 1, 1, "cpu", "fp32")) == name
