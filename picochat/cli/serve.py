"""`picochat serve`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from picochat.cli.options import DeviceOption, ModelOption, ThreadsOption
from picochat.errors import ConfigError

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def serve(
    model: ModelOption = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen at; others than this machine's need a key.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen at; 0 is any that is free.")] = 8000,
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key", envvar="PICOCHAT_API_KEY", help="What clients must send as their key.", show_default=False
        ),
    ] = None,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=64, help="Texts that are written side by side.")] = 8,
    queue: Annotated[int, typer.Option("--queue", min=0, max=10_000, help="Texts that may wait beyond those.")] = 32,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Serve a model over HTTP, to any program that speaks OpenAI's API.

    Ctrl-C stops: texts at work may go on for some seconds.
    """
    if api_key is not None and not (api_key.isascii() and api_key.isprintable() and api_key.strip() == api_key != ""):
        raise ConfigError("The API key must be printable ASCII characters, at least one, with no blank at either end.")
    try:
        from picochat.web.server import Server, address_of, is_loopback, open_port
    except ModuleNotFoundError as error:
        raise ConfigError(f"Serving needs a package that is missing ({error.name}): pip install 'picochat[web]'.") from None
    from picochat.inference.engine import load_engine
    from picochat.locations import default_model
    from picochat.text.safe import printable
    from picochat.web.app import make_app, model_name
    from picochat.web.guard import LOOPBACK_NAMES
    from picochat.web.service import Service

    with open_port(host, port) as listener:
        local = is_loopback(listener)
        if not local and api_key is None:
            raise ConfigError(f"At {host} other machines can reach the model: set a key with PICOCHAT_API_KEY or --api-key.")
        service = Service(
            load_engine(model or default_model(), device=device, threads=threads), parallel=parallel, queue=queue
        )
        try:
            made = make_app(service, api_key=api_key, hosts={*LOOPBACK_NAMES, host} if local else None)
            name, address = model_name(service.engine.info), address_of(listener)
            print(
                printable(_welcome(name, address, chats=service.engine.info.chats, key=api_key is not None)), file=sys.stderr
            )
            Server(made, service).run(sockets=[listener])
        finally:
            service.close()


def _welcome(name: str, address: str, *, chats: bool, key: bool) -> str:
    """Where the server is, and how to ask it."""
    path = "chat/completions" if chats else "completions"
    question = '"messages": [{"role": "user", "content": "Hello"}]' if chats else '"prompt": "Hello"'
    header = ' -H "Authorization: Bearer $PICOCHAT_API_KEY"' if key else ""
    return (
        f"Serving {name} at {address}/v1; Ctrl-C stops. Try:\n"
        f"  curl {address}/v1/{path}{header} -H 'Content-Type: application/json' -d '{{{question}}}'"
    )
