"""`picochat data` as a user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from picochat.datatools import sources
from picochat.text.corpus import read_corpus
from tests.datatools.test_fetching import PLAY, Server, play, send, server  # noqa: F401
from tests.datatools.test_whatsapp import ANDROID
from tests.e2e import inside
from tests.e2e.test_train import SMALL
from tests.test_imports import run_and_list


def test_the_list(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = inside(capfd, "data", "list")
    assert code == 0
    for source in sources.SOURCES.values():
        assert source.name in out
        assert source.licence in out
        assert source.where in out
    _, out, _ = inside(capfd, "data", "list", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["name"] for row in rows] == list(sources.SOURCES)
    assert {row["needs"] for row in rows} == {None, "picochat[hf]"}


def test_help_imports_nothing_heavy() -> None:
    for arguments in (["data", "--help"], ["data", "import", "--help"], ["data", "list"]):
        loaded = run_and_list(*arguments)
        assert "picochat.cli.data" in loaded
        assert not {"torch", "textual", "datasets"} & loaded


def test_get_once(
    server: Server,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sources.SOURCES, "tinyshakespeare", play(server))
    path = tmp_path / "tinyshakespeare.txt"
    code, out, err = inside(capfd, "data", "get", "tinyshakespeare", "-o", tmp_path)
    assert code == 0, err
    assert out == f"{path}: 145.0 kB\n"
    assert f"picochat train --data {path}" in err
    assert "public domain" in err
    assert "\x1b" not in err
    code, again, err = inside(capfd, "data", "get", "tinyshakespeare", "-o", tmp_path)
    assert (code, again, server.asked) == (0, out, 1)
    assert "already" in err
    assert [document.size for document in read_corpus(path)] == [len(PLAY)]


def test_get_refuses_in_one_sentence(
    server: Server,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sources.SOURCES, "tinyshakespeare", play(server))
    server.answer = send(b"something else")
    code, out, err = inside(capfd, "data", "get", "tinyshakespeare", "-o", tmp_path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("picochat: What http://127.0.0.1")
    code, _, err = inside(capfd, "data", "get", "nothing")
    assert code == 2
    assert "there are tinyshakespeare" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_leaves_nothing(server: Server, tmp_path: Path) -> None:  # noqa: F811
    begun, done = threading.Event(), threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        send(PLAY[:70_000], len(PLAY))(handler)
        handler.wfile.flush()
        begun.set()
        done.wait(60)

    server.answer = slow
    code = (
        "from dataclasses import replace\nfrom picochat.cli import main\nfrom picochat.datatools import sources\n"
        f"sources.SOURCES['tinyshakespeare'] = replace(sources.SOURCES['tinyshakespeare'], where={server.url!r})\n"
        f"main(['data', 'get', 'tinyshakespeare', '-o', {str(tmp_path / 'play.txt')!r}])"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ)
    try:
        assert begun.wait(60)
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in tmp_path.glob(".play.txt.*")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        done.set()
        process.kill()
    assert process.returncode == 130, err
    assert b"Traceback" not in err
    assert not [path for path in tmp_path.iterdir() if path.name != "home"]


def test_import_and_train(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    days = [
        ANDROID.replace("12/31/23", f"11/{day}/23").replace("1/1/24", f"11/{day + 1}/23").replace("tree", f"tree {day}")
        for day in range(2, 26, 2)
    ]
    chat, out = tmp_path / "WhatsApp Chat with Ben.txt", tmp_path / "chat.jsonl"
    chat.write_text("".join(days), encoding="utf-8")
    code, shown, err = inside(capfd, "data", "import", chat, "-o", out)
    assert (code, shown, err.count("\n")) == (2, "", 1)
    assert "Anna Müller (36 messages) and Ben (36 messages); say with --me NAME" in err
    assert not out.exists()
    code, shown, err = inside(capfd, "data", "import", chat, "-o", out, "--me", "Ben", "--gap", "8h")
    assert (code, shown) == (0, ""), err
    assert err.splitlines() == [
        f"{out}: 12 conversations of 48 messages.",
        "The assistant is Ben, all others are the user.",
        "Left out: 60 messages: 48 of WhatsApp itself and media, 12 before the first question or after the last answer.",
        f"Train with: picochat train --data {out}",
    ]
    code, _, err = inside(capfd, "train", "--data", out, "--out", tmp_path / "run", *SMALL, "--steps", 2)
    assert code == 0, err


def test_import_says_what_is_wrong_with_its_options(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    chat = tmp_path / "chat.txt"
    chat.write_text(ANDROID, encoding="utf-8")
    for arguments, told in (
        (["--gap", "soon"], "--gap must be a time like"),
        (["--me", "Cleo"], "Nobody in"),
        (["--format", "pdf"], "pdf"),
    ):
        code, _, err = inside(capfd, "data", "import", chat, "-o", tmp_path / "out.jsonl", *arguments)
        assert (code, err.count("\n")) == (2, 1), err
        assert told in err
