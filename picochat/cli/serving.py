"""Serving a model as an API, as a page, or as both: what `picochat serve` and `picochat web` share."""

from __future__ import annotations

import sys
import threading
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from picochat.errors import ConfigError

if TYPE_CHECKING:
    from picochat.web.service import Service

HostOption = Annotated[
    str, typer.Option("--host", help="Address to listen at; others than this machine's need a key or password.")
]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0 is any that is free.")]
KeyOption = Annotated[
    str | None,
    typer.Option("--api-key", envvar="PICOCHAT_API_KEY", help="What clients must send as their key.", show_default=False),
]
PasswordOption = Annotated[
    str | None,
    typer.Option(
        "--password", envvar="PICOCHAT_WEB_PASSWORD", help="What visitors of the page must type.", show_default=False
    ),
]
OpenOption = Annotated[bool, typer.Option("--open", help="Show the page in the browser.")]
ParallelOption = Annotated[int, typer.Option("--parallel", min=1, max=64, help="Texts that are written side by side.")]
QueueOption = Annotated[int, typer.Option("--queue", min=0, max=10_000, help="Texts that may wait beyond those.")]


@dataclass(frozen=True, kw_only=True)
class Serving:
    """What to serve, to whom.

    Attributes:
        model: the shipped one where none is named.
        api: answer programs that speak OpenAI's API, those with the `api_key` where there is one.
        page: show a page to visitors, those with the `password` where there is one.
        open_browser: show it here at once.
        parallel, queue: see `Service`.
    """

    model: Path | None
    host: str
    port: int
    api: bool
    api_key: str | None
    page: bool
    password: str | None
    open_browser: bool
    parallel: int
    queue: int
    device: str
    threads: int | None

    def run(self) -> None:
        """Serve until Ctrl-C; raises `PicochatError` where it can't."""
        self._check_secrets()
        try:
            from picochat.web.models import Models
            from picochat.web.server import Server, address_of, is_loopback, open_port

            if self.page:
                from picochat.web.page import add_page
        except ModuleNotFoundError as error:
            raise ConfigError(
                f"Serving needs a package that is missing ({error.name}): pip install 'picochat[web]'."
            ) from None
        from picochat.locations import default_model
        from picochat.text.safe import printable
        from picochat.web.app import make_app
        from picochat.web.guard import LOOPBACK_NAMES

        with open_port(self.host, self.port) as listener:
            local = is_loopback(listener)
            if not local:
                self._require_secrets()
            models = Models(self.model or default_model(), self._open_service)
            try:
                hosts = {*LOOPBACK_NAMES, self.host} if local else None
                app = make_app(models.service, api=self.api, api_key=self.api_key, hosts=hosts)
                server = Server(app, models, add_page(app, models, password=self.password) if self.page else _nothing)
                address = address_of(listener)
                print(printable(self._welcome(models.service, address)), file=sys.stderr)
                if self.open_browser:
                    # some browsers keep whoever calls them
                    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
                server.run(sockets=[listener])
            finally:
                models.close()

    def _open_service(self, path: Path) -> Service:
        from picochat.inference.engine import load_engine
        from picochat.web.service import Service

        engine = load_engine(path, device=self.device, threads=self.threads)
        return Service(engine, parallel=self.parallel, queue=self.queue)

    def _check_secrets(self) -> None:
        key, password = self.api_key, self.password
        if key is not None and not (key.isascii() and key.isprintable() and key.strip() == key != ""):
            raise ConfigError("The API key must be printable ASCII characters, at least one, with no blank at either end.")
        if password is not None and not (password.isprintable() and password.strip() == password != ""):
            raise ConfigError("The password must be printable characters, at least one, with no blank at either end.")

    def _require_secrets(self) -> None:
        """Nothing is open to other machines by mistake."""
        if self.api and self.api_key is None:
            raise ConfigError(
                f"At {self.host} other machines can reach the model: set a key with PICOCHAT_API_KEY or --api-key."
            )
        if self.page and self.password is None:
            raise ConfigError(
                f"At {self.host} other machines can reach the page: set a password with PICOCHAT_WEB_PASSWORD or --password."
            )

    def _welcome(self, service: Service, address: str) -> str:
        """Where the server is, and how to ask it."""
        from picochat.web.app import model_name

        info = service.engine.info
        name = model_name(info)
        if not self.api:
            return f"The page to chat with {name} is at {address}; Ctrl-C stops."
        lines = [f"Serving {name} at {address}/v1; Ctrl-C stops. Try:"]
        if self.page:
            lines.insert(0, f"The page to chat with {name} is at {address}.")
        path = "chat/completions" if info.chats else "completions"
        question = '"messages": [{"role": "user", "content": "Hello"}]' if info.chats else '"prompt": "Hello"'
        header = ' -H "Authorization: Bearer $PICOCHAT_API_KEY"' if self.api_key is not None else ""
        lines.append(f"  curl {address}/v1/{path}{header} -H 'Content-Type: application/json' -d '{{{question}}}'")
        return "\n".join(lines)


def _nothing() -> None:
    """What there is to end without a page."""
