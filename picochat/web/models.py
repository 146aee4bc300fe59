"""The models of a page: each is loaded when somebody asks it, and none disturbs who talks to another."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from picochat.chat.model_files import usual_places
from picochat.errors import PicochatError
from picochat.runs import BEST, STEPS
from picochat.web.service import Load, Service, StoppedError

MOST_MODELS = 3
"""Models in memory at once."""

OpenService = Callable[[Path], Service]


class Models:
    """Services by the names of their models.

    Args:
        given: the model that is there from the start, and stays; opened at once.
        open_service: loads a model; called in a thread.
        most: models in memory; of those that nobody uses, the one used longest ago makes room.
    """

    def __init__(self, given: Path, open_service: OpenService, *, most: int = MOST_MODELS) -> None:
        self.given = given
        self.service = open_service(given)
        self._open = open_service
        self._most = most
        self._services: dict[Path, Service] = {given: self.service}
        self._users: Counter[Path] = Counter()
        self._paths: dict[str, Path] = {}
        self._loading = asyncio.Lock()
        self._draining = False
        self.names()

    def names(self) -> list[str]:
        """What there is now: the given model first, then those beside it, and those of the usual places."""
        self._paths = find_models(self.given)
        return list(self._paths)

    @contextlib.asynccontextmanager
    async def use(self, name: str) -> AsyncIterator[Service]:
        """The service of a model, which stays as long as the block.

        Raises:
            PicochatError: there is no such model, it can't be loaded, or too many others are at work.
        """
        path = self._paths.get(name)
        if path is None:
            raise PicochatError(f"There is no model '{name}' here any more; reload the page to see which there are.")
        self._users[path] += 1
        try:
            yield await self._service(path)
        finally:
            self._users[path] -= 1

    async def _service(self, path: Path) -> Service:
        async with self._loading:
            if path not in self._services:
                await self._make_room()
                service = await asyncio.to_thread(self._open, path)
                if self._draining:
                    service.stop()
                    raise StoppedError("The server is stopping; try again later.")
                self._services[path] = service
            # the newest is the last
            self._services[path] = self._services.pop(path)
            return self._services[path]

    async def _make_room(self) -> None:
        while len(self._services) >= self._most:
            idle = next((path for path in self._services if not self._users[path] and path != self.given), None)
            if idle is None:
                raise PicochatError(f"{self._most} models are at work, and there is no room for more; try again later.")
            await asyncio.to_thread(self._services.pop(idle).close)

    @property
    def load(self) -> Load:
        """How busy they are, in all."""
        loads = [service.load for service in self._services.values()]
        return Load(sum(load.running for load in loads), sum(load.waiting for load in loads))

    def drain(self) -> None:
        """`Service.drain` of each."""
        self._draining = True
        for service in self._services.values():
            service.drain()

    def stop(self) -> None:
        """`Service.stop` of each."""
        self.drain()
        for service in self._services.values():
            service.stop()

    def close(self) -> None:
        """`Service.close` of each."""
        self.stop()
        for service in self._services.values():
            service.close()


def find_models(given: Path) -> dict[str, Path]:
    """Models by short names, the given one first; the earlier steps of a run are left out."""
    beside = sorted(given.parent.glob("*.pt")) if given.is_file() else []
    runs = sorted(given.parent.glob(f"*/{BEST}")) if given.is_dir() else []
    usual = [path for path in usual_places() if path.parent.name != STEPS]
    found: dict[str, Path] = {}
    seen: set[Path] = set()
    for path in (given, *beside, *runs, *usual):
        file = path / BEST if (path / BEST).is_file() else path
        if file.resolve() in seen:
            continue
        seen.add(file.resolve())
        name = short_name(file)
        found[str(path) if name in found else name] = path
    return found


def short_name(path: Path) -> str:
    """What a model is called: its file's name, or the run's for the best model of a run."""
    path = path.resolve()
    if path.name == BEST:
        return path.parent.name
    return path.name if path.is_dir() else path.stem  # a folder's name may have dots
