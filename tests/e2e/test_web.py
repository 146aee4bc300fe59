"""`picochat web`, as a user starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e import inside

pytest.importorskip("gradio")


def test_it_shows_a_page_until_it_is_told_to_stop(small_model: Path, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    command = [sys.executable, "-m", "picochat", "web", "-m", small_model, "--port", "0", "-d", "cpu", "--open"]
    secrets = {"PICOCHAT_WEB_PASSWORD": "secret", "BROWSER": str(browser)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **secrets}
    )
    assert process.stderr is not None
    welcome = process.stderr.readline()
    found = re.fullmatch(r"The page to chat with small is at (http://127\.0\.0\.1:\d+); Ctrl-C stops\.\n", welcome)
    assert found, welcome
    assert httpx.get(found[1], timeout=60).status_code == 401
    with httpx.Client(follow_redirects=True) as client:
        assert "gradio_config" in client.post(f"{found[1]}/login", data={"password": "secret"}, timeout=60).text
        assert client.get(f"{found[1]}/v1/models").status_code == 404
        # a page that is open does not keep the server
        with client.stream("GET", f"{found[1]}/gradio_api/heartbeat/abc", timeout=60) as beats:
            assert "ALIVE" in next(beats.iter_lines())
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (130, "", "")
    assert (tmp_path / "opened").read_text() == f"{found[1]}\n"


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("web", "--host", "0.0.0.0"), "At 0.0.0.0 other machines can reach the page: set a password"),
        (
            ("web", "--host", "0.0.0.0", "--password", "a", "--api"),
            "At 0.0.0.0 other machines can reach the model: set a key",
        ),
        (("serve", "--host", "0.0.0.0", "--api-key", "a", "--page"), "other machines can reach the page: set a password"),
        (("web", "--password", " "), "The password must be printable characters"),
        (("web", "-m", "none.pt"), "There is no model at none.pt"),
    ],
)
def test_what_can_not_be_shown(options: tuple[str, ...], sentence: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = inside(capfd, *options, "--port", "0")
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for name in ("picochat.web.page", "picochat.web.controls"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "gradio", None)
    code, _, err = inside(capfd, "web", "--port", "0")
    assert code == 2
    assert err == "picochat: Serving needs a package that is missing (gradio): pip install 'picochat[web]'.\n"
