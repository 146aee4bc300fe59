from __future__ import annotations

import errno
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e import inside

PICOCHAT = [sys.executable, "-m", "picochat"]


def test_it_serves_until_it_is_told_to_stop(small_model: Path) -> None:
    command = [*PICOCHAT, "serve", "-m", str(small_model), "--port", "0", "-d", "cpu", "--api-key", "secret"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    welcome = process.stderr.readline() + process.stderr.readline()
    found = re.search(r"Serving small at (http://127\.0\.0\.1:\d+)/v1; Ctrl-C stops", welcome)
    assert found, welcome
    assert "secret" not in welcome
    key = {"Authorization": "Bearer secret"}
    for _ in range(200):
        if httpx.get(f"{found[1]}/health").status_code == 200:
            break
        time.sleep(0.05)
    assert httpx.get(f"{found[1]}/v1/models", headers={"Host": "evil.example"}).status_code == 403
    assert httpx.get(f"{found[1]}/v1/models").status_code == 401
    # what it says to try
    asked = re.search(r"  (curl .*)", welcome)
    assert asked
    assert asked[1].startswith(f"curl {found[1]}/v1/chat/completions -H")
    body = re.search(r"-d '(.*)'", asked[1])
    assert body
    headers = {**key, "Content-Type": "application/json"}
    answer = httpx.post(f"{found[1]}/v1/chat/completions", content=body[1], headers=headers, timeout=60)
    assert answer.json()["choices"][0]["message"]["role"] == "assistant"
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (130, "", "")


def test_a_port_that_is_taken(small_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = inside(capfd, "serve", "-m", small_model, "--port", port)
    assert (code, out) == (2, "")
    reason = os.strerror(errno.EADDRINUSE)
    assert err == f"picochat: 127.0.0.1 port {port} can't be served on ({reason}); choose others with --host, --port.\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--host", "0.0.0.0"), "At 0.0.0.0 other machines can reach the model: set a key"),
        (("--host", "no.such.name.invalid"), "no.such.name.invalid port 0 can't be served on"),
        (("--api-key", ""), "must be printable ASCII"),
        (("--api-key", "a\nb"), "must be printable ASCII"),
        (("-m", "none.pt"), "There is no model at none.pt"),
    ],
)
def test_what_can_not_be_served(options: tuple[str, ...], sentence: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = inside(capfd, "serve", "--port", "0", *options)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for name in [name for name in sys.modules if name.startswith("picochat.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, _, err = inside(capfd, "serve", "--port", "0")
    assert code == 2
    assert "pip install 'picochat[web]'" in err
