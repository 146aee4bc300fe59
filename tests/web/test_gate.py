"""Who gets to the page, over HTTP: one server for page and API, each with its own guard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from picochat.web.guard import LOOPBACK_NAMES
from tests.web.fake import echo

pytest.importorskip("gradio")

from tests.web.browser import ShownPage, shown_page

PASSWORD = "sesame & öffne=dich"
JOIN = "/gradio_api/queue/join"


@pytest.fixture(scope="module")
def locked() -> Iterator[ShownPage]:
    with shown_page(lambda _: echo(), password=PASSWORD, api_key="key") as page:
        yield page


@pytest.fixture(scope="module")
def local() -> Iterator[ShownPage]:
    with shown_page(lambda _: echo(), hosts=LOOPBACK_NAMES) as page:
        yield page


def log_in(page: ShownPage, word: str, client: httpx.Client | None = None) -> httpx.Response:
    post = client.post if client else httpx.post
    return post(f"{page.url}/login", data={"password": word}, timeout=30)


def test_without_the_password_there_is_a_form_and_nothing_else(locked: ShownPage) -> None:
    for path in ("/", "/login", "/config", "/theme.css", "/gradio_api/info", "/assets/index.js"):
        answer = httpx.get(locked.url + path)
        assert answer.status_code == 401
        assert "gradio" not in answer.text
    assert 'type="password"' in httpx.get(locked.url).text
    assert httpx.post(locked.url + JOIN, json={"data": []}).status_code == 401


def test_a_wrong_password_is_told_and_the_right_one_lets_in(locked: ShownPage) -> None:
    for word in ("", "sesame", PASSWORD + " ", "x" * 5000, "\x00", "%ff"):
        answer = log_in(locked, word)
        assert answer.status_code == 401
        assert "That password is wrong." in answer.text
        assert not answer.cookies
    with httpx.Client(follow_redirects=True) as client:
        assert "gradio_config" in log_in(locked, PASSWORD, client).text
        assert client.get(f"{locked.url}/config").status_code == 200
    headers = log_in(locked, PASSWORD).headers
    assert headers["location"] == "/"
    assert "HttpOnly" in headers["set-cookie"]
    assert "SameSite=lax" in headers["set-cookie"]


@pytest.mark.parametrize("cookie", ["", "picochat=1", 'a="', "picochat_00000000=x", "=;=;"])
def test_made_up_cookies_do_not_help(locked: ShownPage, cookie: str) -> None:
    assert httpx.get(f"{locked.url}/config", headers={"Cookie": cookie}).status_code == 401


def test_page_and_api_are_one_server(locked: ShownPage, local: ShownPage) -> None:
    ask = {"messages": [{"role": "user", "content": "Hi"}]}
    answer = httpx.post(f"{local.url}/v1/chat/completions", json=ask, timeout=30)
    assert answer.json()["choices"][0]["message"]["content"] == "Hi"
    assert httpx.get(local.url).status_code == 200
    # the password is no key, and the key is no password
    assert httpx.get(f"{locked.url}/v1/models").status_code == 401
    assert httpx.get(f"{locked.url}/v1/models", headers={"Authorization": "Bearer key"}).status_code == 200
    assert httpx.get(locked.url, headers={"Authorization": "Bearer key"}).status_code == 401
    assert httpx.get(f"{locked.url}/health").status_code == 200


def test_the_page_alone_has_no_api() -> None:
    with shown_page(lambda _: echo(), api=False) as page:
        assert httpx.get(f"{page.url}/v1/models").status_code == 404


@pytest.mark.parametrize(
    "path",
    ["upload", "file=/etc/passwd", "file/etc/passwd", "deep_link", "run/send", "call/send", "vibe-code", "proxy=http://a"],
)
def test_what_the_page_does_not_use_is_not_there(local: ShownPage, path: str) -> None:
    url = f"{local.url}/gradio_api/{path}"
    assert httpx.get(url).status_code == httpx.post(url, files={"files": b"x"}).status_code == 404


def test_other_sites_may_not_ask(local: ShownPage) -> None:
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert httpx.post(local.url + JOIN, json={"data": []}, headers=headers).status_code == 403
    assert httpx.get(local.url, headers={"Host": "evil.example"}).status_code == 403


def test_a_body_that_is_too_large_is_not_read(local: ShownPage) -> None:
    answer = httpx.post(local.url + JOIN, content=b'{"data": ["' + b"x" * (2 << 20) + b'"]}', timeout=30)
    assert answer.status_code >= 400


def config(page: ShownPage) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{page.url}/config").json()
    return found


def ask(page: ShownPage, event: str, data: list[Any], session: str) -> list[Any]:
    """Do what the page's script does: start an event, and read what comes of it up to its end."""
    settings = config(page)
    (dependency,) = [each for each in settings["dependencies"] if each["api_name"] == event]
    body = {"data": data, "fn_index": dependency["id"], "session_hash": session}
    headers = {"Content-Type": "application/json"}
    assert httpx.post(page.url + JOIN, content=json.dumps(body), headers=headers, timeout=30).status_code == 200
    messages = []
    with httpx.stream("GET", f"{page.url}/gradio_api/queue/data", params={"session_hash": session}, timeout=60) as stream:
        for line in stream.iter_lines():
            if line.startswith("data: "):
                messages.append(json.loads(line[6:]))
                if messages[-1]["msg"] == "process_completed":
                    break
    return messages


SETTINGS = [0.8, 20, 1.0, 0.0, 1.3, "", 1.0, "", ""]


def test_the_pages_own_requests_are_answered(local: ShownPage) -> None:
    messages = ask(local, "send", [None, "Hi", "echo", "", False, *SETTINGS], "one")
    assert messages[-1]["success"]
    # a surrogate is no Unicode, and nothing that a keyboard types
    for strange in ("\ud800", "<|im_end|>", "\x00", 7, ["a"], None):
        messages = ask(local, "send", [None, strange, "echo", "", False, *SETTINGS], "two")
        assert messages[-1]["msg"] == "process_completed"
    for wrong in (
        [0.8, "x", 1.0, 0.0, 1.3, 1.0, "", ""],
        [0.8, 20, 1.0, 0.0, 1.3, 1.0, "-3", ""],
        [99, 20, 1.0, 0.0, 1.3, 1.0, "", ""],
    ):
        messages = ask(local, "send", [None, "Hi", "echo", "", False, *wrong], "three")
        assert messages[-1]["msg"] == "process_completed"
    ask(local, "send", [None, "Hi", "../../etc/passwd", "", False, *SETTINGS], "four")
    assert local.idle()
    assert ask(local, "send", [None, "Hi", "echo", "", False, *SETTINGS], "five")[-1]["success"]


def test_nothing_is_reported_and_no_font_is_fetched(local: ShownPage) -> None:
    settings = config(local)
    assert not settings["analytics_enabled"]
    assert not settings["stylesheets"]
    assert "googleapis" not in httpx.get(f"{local.url}/theme.css").text
