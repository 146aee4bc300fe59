"""Serving the app on a port, until Ctrl-C."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from picochat.errors import ConfigError
from picochat.web.connection import PatientProtocol
from picochat.web.models import Models
from picochat.web.service import Service

GRACE_SECONDS = 5.0
"""How long texts at work may go on after Ctrl-C."""
MOST_CONNECTIONS = 512


def open_port(host: str, port: int) -> socket.socket:
    """A socket that listens at `host`; port 0 is any that is free.

    Raises:
        ConfigError: no such address, or the port is taken or not for us.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (OSError, OverflowError, UnicodeError) as error:
        number = error.errno if isinstance(error, OSError) and not isinstance(error, socket.gaierror) else None
        reason = os.strerror(number) if number else getattr(error, "strerror", error)
        raise ConfigError(f"{host} port {port} can't be served on ({reason}); choose others with --host, --port.") from None


def is_loopback(listener: socket.socket) -> bool:
    """Whether only this machine can reach it."""
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def address_of(listener: socket.socket) -> str:
    """Its URL."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """A server that, when it is stopped, lets texts at work go on for a moment, and then ends them in an orderly way.

    Args:
        service: the model of the app, or its models.
        ended: called in the event loop when no text is at work any more, to end connections that stay open without one.
    """

    def __init__(self, app: FastAPI, service: Service | Models, ended: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=PatientProtocol,
                ws="none",
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                timeout_keep_alive=30,
                limit_concurrency=MOST_CONNECTIONS,
                timeout_graceful_shutdown=int(GRACE_SECONDS) + 5,
            )
        )
        self._service = service
        self._ended = ended

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Turn away who waits, and end."""
        self._service.drain()
        ending = asyncio.ensure_future(self._end())
        await super().shutdown(sockets)
        ending.cancel()
        self._service.stop()

    async def _end(self) -> None:
        """Stop the texts that are at work for too long, and then what waits for none."""
        loop = asyncio.get_running_loop()
        latest = loop.time() + GRACE_SECONDS
        while self._service.load.running and loop.time() < latest:
            await asyncio.sleep(0.05)
        self._service.stop()
        # what was written last is still on its way
        await asyncio.sleep(0.2)
        self._ended()
