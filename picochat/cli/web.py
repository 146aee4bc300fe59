"""`picochat web`."""

from __future__ import annotations

from typing import Annotated

import typer

from picochat.cli.options import DeviceOption, ModelOption, ThreadsOption
from picochat.cli.serving import (
    HostOption,
    KeyOption,
    OpenOption,
    ParallelOption,
    PasswordOption,
    PortOption,
    QueueOption,
    Serving,
)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def web(
    model: ModelOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 7860,
    password: PasswordOption = None,
    open_browser: OpenOption = False,
    api: Annotated[bool, typer.Option("--api", help="Answer the API of `picochat serve` as well.")] = False,
    api_key: KeyOption = None,
    parallel: ParallelOption = 8,
    queue: QueueOption = 32,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Talk to a model in the browser, alone or with others: each visitor has a conversation of their own.

    Ctrl-C stops: answers at work may go on for some seconds.
    """
    Serving(
        model=model,
        host=host,
        port=port,
        api=api,
        api_key=api_key,
        page=True,
        password=password,
        open_browser=open_browser,
        parallel=parallel,
        queue=queue,
        device=device,
        threads=threads,
    ).run()
