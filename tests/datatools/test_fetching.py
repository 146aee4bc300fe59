"""Fetching, from a server of the test's own and from a stand-in for the `datasets` package."""

from __future__ import annotations

import hashlib
import lzma
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from picochat.datatools import fetching
from picochat.datatools.fetching import fetch, place_for
from picochat.datatools.sources import SOURCES, Source, find_source
from picochat.errors import ConfigError, DataError, OutputError
from picochat.text.corpus import Conversation, Text, read_corpus

PLAY = b"First Citizen:\nSpeak, speak.\n" * 5000
SHARED = Path(__file__).parents[3] / "shared" / "data"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A server on this machine; `answer` says what it does, `asked` counts."""

    def __init__(self) -> None:
        self.answer: Answer = send(PLAY)
        self.asked = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked += 1
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/input.txt"
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()


def send(body: bytes, length: int | None = None) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = Server()
    yield server
    server.close()


def play(server: Server) -> Source:
    digest = hashlib.sha256(PLAY).hexdigest()
    return replace(SOURCES["tinyshakespeare"], where=server.url, size=len(PLAY), sha256=digest)


def stand_in(monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    asked: list[tuple[Any, ...]] = []

    def load_dataset(path: str, name: str | None = None, **options: Any) -> Iterator[dict[str, Any]]:
        asked.append((path, name, options["split"]))
        assert options["streaming"]
        return iter(rows)

    module: Any = ModuleType("datasets")
    module.load_dataset = load_dataset
    monkeypatch.setitem(sys.modules, "datasets", module)
    return asked


def test_a_file_byte_for_byte_and_only_once(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "new" / "play.txt"
    seen: list[tuple[int, int]] = []
    assert fetch(play(server), path, report=lambda done, of: seen.append((done, of)))
    assert path.read_bytes() == PLAY
    assert seen[-1] == (len(PLAY), len(PLAY))
    assert seen == sorted(seen)
    assert not fetch(play(server), path)
    assert server.asked == 1
    assert fetch(play(server), path, force=True)
    assert server.asked == 2
    assert [file.name for file in path.parent.iterdir()] == ["play.txt"]


def test_what_is_there_stays(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("Mine.")
    with pytest.raises(OutputError, match="--force"):
        fetch(play(server), path)
    assert (path.read_text(), server.asked) == ("Mine.", 0)


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    send(PLAY[:1000], len(PLAY))(handler)


def missing(handler: BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


def endless(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(PLAY)
    except OSError:
        pass


def gibberish(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"oh no\r\n\r\n")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (send(PLAY[:-1] + b"?"), "not the file that is known"),
        (send(b""), "no text"),
        (cut_off, "ended after 1,000 of 145,000 bytes"),
        (missing, "404"),
        (endless, "larger than 580,000 bytes"),
        (gibberish, "can't be fetched"),
    ],
)
@pytest.mark.parametrize("before", [None, "Mine."])
def test_trouble_leaves_nothing_half(server: Server, tmp_path: Path, answer: Answer, told: str, before: str | None) -> None:
    server.answer = answer
    path = tmp_path / "play.txt"
    if before:
        path.write_text(before)
    with pytest.raises(DataError, match=told) as raised:
        fetch(play(server), path, force=True)
    assert "\n" not in str(raised.value)
    assert [file.read_text() for file in tmp_path.iterdir()] == ([before] if before else [])


def test_a_silent_server_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = threading.Event()

    def silent(handler: BaseHTTPRequestHandler) -> None:
        send(PLAY[:1000], len(PLAY))(handler)
        handler.wfile.flush()
        done.wait(30)

    server.answer = silent
    monkeypatch.setattr(fetching, "SILENCE", 0.2)
    try:
        with pytest.raises(DataError, match="timed out"):
            fetch(play(server), tmp_path / "play.txt")
    finally:
        done.set()
    assert not list(tmp_path.iterdir())


def test_a_slow_server_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LONGEST", -1.0)
    with pytest.raises(DataError, match="not done after"):
        fetch(play(server), tmp_path / "play.txt")


def test_offline_is_one_sentence(server: Server, tmp_path: Path) -> None:
    source = play(server)
    server.close()
    with pytest.raises(DataError, match=r"can't be fetched .*refused.*check the network") as raised:
        fetch(source, tmp_path / "play.txt")
    assert "\n" not in str(raised.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared training data is not here")
def test_the_known_hash_is_that_of_the_file() -> None:
    text = lzma.decompress((SHARED / "tinyshakespeare_input.txt.xz").read_bytes())
    source = SOURCES["tinyshakespeare"]
    assert (hashlib.sha256(text).hexdigest(), len(text)) == (source.sha256, source.size)


def test_articles_become_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["", " = Robert Boulter = \n", "", " He is an actor . \n", " = = Career = = \n", " = Plum = \n", " A fruit . \n"]
    asked = stand_in(monkeypatch, [{"text": line} for line in lines])
    source = SOURCES["wikitext-2"]
    path = tmp_path / source.file_name
    fetch(source, path)
    assert asked == [("Salesforce/wikitext", "wikitext-2-raw-v1", "train")]
    expected = ["\n = Robert Boulter = \n\n He is an actor . \n = = Career = = \n", " = Plum = \n A fruit . \n"]
    assert read_corpus(path) == [Text(text) for text in expected]


def test_stories_become_documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stand_in(monkeypatch, [{"text": "\nOnce.\n\nEnd."}, {"text": " "}, {"text": "Twice.\ud800"}])
    source = SOURCES["tinystories"]
    path = tmp_path / source.file_name
    fetch(source, path)
    assert asked == [("roneneldan/TinyStories", None, "train")]
    assert read_corpus(path) == [Text("Once.\n\nEnd.\n"), Text("Twice.?\n")]


def test_conversations_become_conversations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!\n\nYes?"}]
    asked = stand_in(monkeypatch, [{"messages": turns, "topic": "x"}, {"messages": turns[:1]}])
    source = SOURCES["everyday-conversations"]
    path = tmp_path / source.file_name
    fetch(source, path)
    assert asked == [("HuggingFaceTB/everyday-conversations-llama3.1-2k", None, "train_sft")]
    (document,) = read_corpus(path)
    assert isinstance(document, Conversation)
    assert [{"role": message.role, "content": message.content} for message in document.messages] == turns
    with pytest.raises(OutputError, match="there already"):
        fetch(source, path)
    assert len(asked) == 1


@pytest.mark.parametrize("name", ["wikitext-2", "everyday-conversations"])
def test_other_records_than_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    stand_in(monkeypatch, [{"image": 3}])
    with pytest.raises(DataError, match=f"{SOURCES[name].where} no longer holds the"):
        fetch(SOURCES[name], tmp_path / SOURCES[name].file_name)
    stand_in(monkeypatch, [])
    with pytest.raises(DataError, match="no text"):
        fetch(SOURCES[name], tmp_path / SOURCES[name].file_name)
    assert not list(tmp_path.iterdir())


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"picochat\[hf\]"):
        fetch(SOURCES["tinystories"], tmp_path / "a.txt")
    assert not list(tmp_path.iterdir())


def test_where_it_goes(tmp_path: Path) -> None:
    source = SOURCES["everyday-conversations"]
    assert place_for(source, None) == Path("everyday-conversations.jsonl")
    assert place_for(source, tmp_path) == tmp_path / "everyday-conversations.jsonl"
    assert place_for(source, tmp_path / "a.jsonl") == tmp_path / "a.jsonl"
    with pytest.raises(ConfigError, match=r"written as \.jsonl"):
        place_for(source, tmp_path / "a.txt")
    with pytest.raises(ConfigError, match="there are tinyshakespeare, wikitext-2"):
        find_source("shakespeare")
