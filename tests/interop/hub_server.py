"""A stand-in for the Hugging Face hub on this machine: as much of its API as making pages and filling them asks for."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN, USER = "hf_good", "ada"
LARGE = (".pt", ".safetensors", ".gguf")


class StandIn(ThreadingHTTPServer):
    """The server.

    Attributes:
        pages: the files of each page, by its path: OWNER/NAME, or spaces/OWNER/NAME.
        made: what was asked for when a page was made.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages: dict[str, dict[str, bytes]] = {}
        self.made: dict[str, dict[str, Any]] = {}
        self.stored: dict[str, bytes] = {}
        self.spaces_cost = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        if self._known() and self.path == "/api/whoami-v2":
            self._answer(200, {"name": USER, "type": "user"})
        else:
            self._answer(404, {"error": "Not Found"})

    def do_PUT(self) -> None:
        # the address alone allows this, as with presigned ones
        oid, body = self.path.removeprefix("/upload/"), self._body()
        assert hashlib.sha256(body).hexdigest() == oid
        self.server.stored[oid] = body
        self._answer(200, {})

    def do_POST(self) -> None:
        body = self._body()
        if not self._known():
            return
        path = self.path.partition("?")[0]
        if path == "/api/repos/create":
            self._create(json.loads(body))
        elif path == "/api/validate-yaml":
            assert json.loads(body)["content"].startswith("---\n")
            self._answer(200, {"warnings": [], "errors": []})
        elif path.endswith("/preupload/main"):
            names = [file["path"] for file in json.loads(body)["files"]]
            modes = [(name, "lfs" if name.endswith(LARGE) else "regular") for name in names]
            self._answer(200, {"files": [{"path": n, "uploadMode": mode, "shouldIgnore": False} for n, mode in modes]})
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                {**each, "actions": {"upload": {"href": f"{self.server.address}/upload/{each['oid']}"}}}
                for each in json.loads(body)["objects"]
            ]
            self._answer(200, {"transfer": "basic", "objects": objects})
        elif path.endswith("/commit/main"):
            kind, owner, name = path.removeprefix("/api/").split("/")[:3]
            self._commit(f"{'spaces/' if kind == 'spaces' else ''}{owner}/{name}", body)
        else:
            self._answer(404, {"error": "Not Found"})

    def _create(self, wish: dict[str, Any]) -> None:
        owner, space = wish["organization"] or USER, wish.get("type") == "space"
        page = f"{'spaces/' if space else ''}{owner}/{wish['name']}"
        if owner != USER:
            self._answer(403, {"error": f"You don't have the rights to create a model under {owner}"})
        elif space and self.server.spaces_cost:
            self._answer(402, {"error": "Subscribe to PRO"})
        elif page in self.server.pages:
            self._answer(409, {"error": "You already created this model repo", "url": f"{self.server.address}/{page}"})
        else:
            self.server.pages[page], self.server.made[page] = {}, wish
            self._answer(200, {"url": f"{self.server.address}/{page}"})

    def _commit(self, page: str, body: bytes) -> None:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                self.server.pages[page][value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                self.server.pages[page][value["path"]] = self.server.stored[value["oid"]]
        self._answer(200, {"commitUrl": f"{self.server.address}/{page}/commit/{'0' * 40}", "commitOid": "0" * 40})

    def _known(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self._answer(401, {"error": "Invalid credentials in Authorization header"})
        return False

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A server that runs for a while."""
    server = StandIn()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
