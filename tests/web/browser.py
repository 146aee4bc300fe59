"""A page at work, and a real browser that looks at it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from picochat.inference.engine import Engine
from picochat.web.app import make_app
from picochat.web.models import Models
from picochat.web.server import Server, open_port
from picochat.web.service import Service
from tests.web.fake import at_work, wait_for

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMEDRIVER = shutil.which("chromedriver")


class ShownPage:
    """A server with a page.

    Attributes:
        url: where it is.
    """

    def __init__(self, models: Models, server: Server, port: int) -> None:
        self.models, self.server, self.port = models, server, port
        self.url = f"http://127.0.0.1:{port}"

    def idle(self) -> bool:
        """Wait until nothing is at work and nothing waits."""
        return wait_for(lambda: self.models.load.running == self.models.load.waiting == 0)


@contextlib.contextmanager
def shown_page(
    open_engine: Callable[[Path], Engine],
    given: Path = Path("echo.pt"),
    *,
    password: str | None = None,
    most: int = 3,
    **options: Any,
) -> Iterator[ShownPage]:
    """A page on a free port, with two answers side by side for each model."""
    from picochat.web.page import add_page

    models = Models(given, lambda path: Service(open_engine(path), parallel=2), most=most)
    app = make_app(models.service, **options)
    listener = open_port("127.0.0.1", 0)
    server = Server(app, models, add_page(app, models, password=password))
    with at_work(server, listener, models.close) as port:
        yield ShownPage(models, server, port)


@contextlib.contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """A headless browser; what it asks for on the network is in its log."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service as DriverService

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu", f"user-data-dir={profile}"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    # with its path given nothing is looked up or downloaded
    driver = webdriver.Chrome(options=options, service=DriverService(CHROMEDRIVER))
    try:
        yield driver
    finally:
        driver.quit()
