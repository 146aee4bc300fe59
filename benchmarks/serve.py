"""Requests and tokens a second of `picochat serve` with 1, 8 and 32 clients; each asks again when it has its answer."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import threading
import time
from pathlib import Path

import httpx
from peers import machine

from picochat.inference.engine import load_engine
from picochat.locations import default_model
from picochat.web.app import make_app
from picochat.web.server import Server, address_of, open_port
from picochat.web.service import Service


async def load(url: str, clients: int, requests: int, tokens: int) -> dict[str, float]:
    """Let `clients` put `requests` in all; seconds to the first token are medians."""
    left = iter(range(requests))
    written = 0
    first: list[float] = []

    async def ask(client: httpx.AsyncClient) -> None:
        nonlocal written
        for number in left:
            # a prompt of its own for each, so that no answer is found ready in the cache
            body = {"prompt": f"{number} little stories", "max_tokens": tokens, "seed": number, "stream": True}
            options = {"stream_options": {"include_usage": True}}
            start, waited = time.perf_counter(), None
            async with client.stream("POST", f"{url}/v1/completions", json={**body, **options}) as answer:
                answer.raise_for_status()
                async for line in answer.aiter_lines():
                    if line.startswith("data: {"):
                        waited = waited or time.perf_counter() - start
                        usage = json.loads(line.removeprefix("data: ")).get("usage") or {}
                        written += usage.get("completion_tokens", 0)
            first.append(waited or 0.0)

    async with httpx.AsyncClient(timeout=600, limits=httpx.Limits(max_connections=clients)) as client:
        start = time.perf_counter()
        await asyncio.gather(*(ask(client) for _ in range(clients)))
        seconds = time.perf_counter() - start
    return {
        "requests_per_second": round(requests / seconds, 2),
        "tokens_per_second": round(written / seconds, 1),
        "first_token_seconds": round(statistics.median(first), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", "-m", type=Path, default=None, help="default: the shipped model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--parallel", type=int, default=8)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--requests", type=int, default=64, help="in all, for each number of clients")
    parser.add_argument("--tokens", type=int, default=64, help="the longest answer")
    options = parser.parse_args()

    engine = load_engine(options.model or default_model(), device=options.device)
    service = Service(engine, parallel=options.parallel, queue=max(options.clients))
    listener = open_port("127.0.0.1", 0)
    server = Server(make_app(service), service)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        asyncio.run(load(address_of(listener), 1, 2, options.tokens))
        rows = {
            clients: asyncio.run(load(address_of(listener), clients, options.requests, options.tokens))
            for clients in options.clients
        }
    finally:
        server.should_exit = True
        thread.join()
        service.close()
    print(f"{engine.info.summary()}, {options.parallel} side by side, on {machine()}")
    for clients, row in rows.items():
        print(f"  {clients:>3} clients  " + "  ".join(f"{value:>8} {name.replace('_', ' ')}" for name, value in row.items()))
    print(json.dumps({"clients": rows, "parallel": options.parallel, "machine": machine()}))


if __name__ == "__main__":
    main()
