"""`picochat serve`."""

from __future__ import annotations

from typing import Annotated

import typer

from picochat.cli.options import DeviceOption, ModelOption, ThreadsOption
from picochat.cli.serving import HostOption, KeyOption, ParallelOption, PasswordOption, PortOption, QueueOption, Serving

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def serve(
    model: ModelOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    api_key: KeyOption = None,
    page: Annotated[bool, typer.Option("--page", help="Show the page of `picochat web` as well.")] = False,
    password: PasswordOption = None,
    parallel: ParallelOption = 8,
    queue: QueueOption = 32,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Serve a model over HTTP, to any program that speaks OpenAI's API.

    Ctrl-C stops: texts at work may go on for some seconds.
    """
    Serving(
        model=model,
        host=host,
        port=port,
        api=True,
        api_key=api_key,
        page=page,
        password=password,
        open_browser=False,
        parallel=parallel,
        queue=queue,
        device=device,
        threads=threads,
    ).run()
