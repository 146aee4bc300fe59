"""The page in a real browser: what a visitor types, sees and stops."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from picochat.inference.generation import Job
from picochat.web.service import Generation, Service
from tests.web.browser import CHROMEDRIVER, CHROMIUM, ShownPage, chromium, shown_page
from tests.web.fake import EchoBackend, echo

pytest.importorskip("gradio")
pytest.importorskip("selenium")
if not (CHROMIUM and CHROMEDRIVER):
    pytest.skip("chromium and chromedriver are not installed", allow_module_level=True)

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

LONG = ("What takes long to say. " * 6).strip()
SLOW = 0.02


@pytest.fixture(scope="module")
def page() -> Iterator[ShownPage]:
    with shown_page(lambda _: echo(delay=SLOW, context=1024), api=False) as page:
        yield page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


class Visitor:
    """Who looks at the page, in a window of the browser."""

    def __init__(self, browser: Any, url: str) -> None:
        self.browser = browser
        browser.switch_to.new_window("tab")
        self.window = browser.current_window_handle
        browser.get(url)

    def until(self, condition: Callable[[], Any]) -> Any:
        from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

        self.look()
        ignored = (NoSuchElementException, StaleElementReferenceException)
        return WebDriverWait(self.browser, 60, 0.02, ignored).until(lambda _: condition())

    def look(self) -> None:
        self.browser.switch_to.window(self.window)

    def find(self, selector: str) -> Any:
        return self.until(lambda: self.browser.find_element(By.CSS_SELECTOR, selector))

    def texts(self, selector: str) -> list[str]:
        self.look()
        script = "return [...document.querySelectorAll(arguments[0])].map(each => each.textContent)"
        found: list[str] = self.browser.execute_script(script, selector)
        return found

    def answers(self) -> list[str]:
        return self.texts("#conversation .assistant .body:not(:has(.waiting))")

    def footnotes(self) -> list[str]:
        return self.texts("#conversation .below")

    def say(self, text: str) -> None:
        self.find("#say textarea").send_keys(text, Keys.ENTER)

    def click(self, selector: str) -> None:
        self.until(lambda: self.find(selector).is_enabled())
        self.find(selector).click()

    def box(self) -> str:
        return str(self.find("#say textarea").get_property("value"))

    def ask(self, text: str) -> None:
        """Say it, and wait for the whole answer."""
        before = len(self.footnotes())
        self.say(text)
        self.until(lambda: len(self.footnotes()) == before + 1)


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[[ShownPage], Visitor]]:
    first = browser.current_window_handle
    yield lambda page: Visitor(browser, page.url)
    for window in browser.window_handles:
        if window != first:
            browser.switch_to.window(window)
            browser.close()
    browser.switch_to.window(first)


Visit = Callable[[ShownPage], Visitor]


def test_an_answer_comes_bit_by_bit_and_nothing_comes_from_elsewhere(page: ShownPage, visit: Visit, browser: Any) -> None:
    visitor = visit(page)
    visitor.say(LONG)
    parts = visitor.until(lambda: [text for text in visitor.answers() if 0 < len(text) < len(LONG) // 2])
    assert LONG.startswith(parts[0])
    visitor.until(lambda: visitor.answers() == [LONG])
    assert visitor.texts("#conversation .user .body") == [LONG]
    visitor.until(lambda: visitor.footnotes() and "end of turn" in "".join(visitor.footnotes()))
    assert visitor.box() == ""

    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert any(url.startswith(page.url) for url in asked)
    assert not [url for url in asked if not url.startswith((page.url, "data:", "about:", "chrome:"))]


def test_an_answer_is_stopped_taken_anew_and_taken_back(page: ShownPage, visit: Visit) -> None:
    visitor = visit(page)
    visitor.say(LONG)
    visitor.until(lambda: any(len(text) > 3 for text in visitor.answers()))
    visitor.click("#say [data-testid=stop-button]")
    visitor.until(lambda: visitor.footnotes() and "stopped" in visitor.footnotes()[0])
    (stopped,) = visitor.answers()
    assert LONG.startswith(stopped)
    assert len(stopped) < len(LONG)
    assert page.idle()

    visitor.click("#regenerate")
    visitor.until(lambda: visitor.answers() == [LONG] and "end of turn" in "".join(visitor.footnotes()))

    visitor.click("#undo")
    visitor.until(lambda: visitor.box() == LONG)
    assert visitor.answers() == []


def test_what_looks_like_markup_is_text(page: ShownPage, visit: Visit) -> None:
    text = "<img src=x onerror=\"document.title='bad'\"> <b>b</b> **md** ${1+1} {{value}} `x` &amp;"
    visitor = visit(page)
    visitor.ask(text)
    assert visitor.answers() == [text]
    visitor.click("#probabilities input")
    tokens = visitor.until(lambda: visitor.texts("#conversation .token"))
    assert "".join(tokens) == text
    assert visitor.texts("#conversation .body :not(.token)") == []
    assert visitor.browser.title == "picochat"

    token = visitor.find("#conversation .token")
    told = token.get_attribute("data-told").splitlines()
    assert told[0] == "100.0% <"
    assert len(told) == 5
    ActionChains(visitor.browser).move_to_element(token).perform()
    shown = "return getComputedStyle(arguments[0], '::after').display"
    assert visitor.until(lambda: visitor.browser.execute_script(shown, token) != "none")

    visitor.click("#probabilities input")
    visitor.until(lambda: not visitor.texts("#conversation .token"))
    assert visitor.answers() == [text]


def test_settings_reach_the_model_and_mistakes_are_told(
    page: ShownPage, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[Job] = []

    def generate(self: Service, wanted: list[Job], client: str = "") -> Generation:
        jobs.extend(wanted)
        return real(self, wanted, client)

    real = Service.generate
    monkeypatch.setattr(Service, "generate", generate)
    visitor = visit(page)

    def put(selector: str, text: str) -> None:
        visitor.find(selector).send_keys(Keys.CONTROL, "a")
        visitor.find(selector).send_keys(Keys.DELETE, text, Keys.TAB)

    put("#setting-temperature input[type=number]", "0.35")
    put("#setting-seed input", str(2**63 - 1))
    put("#setting-max-tokens input", "4")
    put("#system textarea", "Be kind.")
    visitor.ask("Hello")
    assert visitor.answers() == ["Hell"]
    assert (jobs[0].settings.temperature, jobs[0].settings.seed, jobs[0].settings.max_tokens) == (0.35, 2**63 - 1, 4)
    assert (jobs[0].settings.top_k, jobs[0].settings.repetition_penalty) == (20, 1.0)
    tokenizer = page.models.service.engine.tokenizer
    assert "Be kind." in tokenizer.decode(list(jobs[0].ids))

    put("#setting-max-tokens input", "many")
    visitor.say("Again")
    visitor.until(lambda: visitor.texts("#conversation .note"))
    assert visitor.texts("#conversation .note") == ["max-tokens must be a valid integer, not 'many'."]
    assert len(jobs) == 1
    assert visitor.box() == "Again"


def test_visitors_have_conversations_of_their_own(page: ShownPage, visit: Visit) -> None:
    ada, ben = visit(page), visit(page)
    ada.say(LONG)
    ben.say("I'm Ben.")
    ben.until(lambda: ben.answers() == ["I'm Ben."])
    ada.until(lambda: ada.answers() == [LONG] and ada.footnotes())
    ada.ask("More.")
    assert ada.answers() == [LONG, "More."]
    assert ben.answers() == ["I'm Ben."]


def test_a_visitor_who_leaves_frees_the_place(page: ShownPage, visit: Visit) -> None:
    visitor = visit(page)
    visitor.say("x" * 900)
    visitor.until(lambda: any(visitor.answers()))
    backend = page.models.service.engine.backend
    assert isinstance(backend, EchoBackend)
    visitor.browser.get("about:blank")
    before = backend.steps
    assert page.idle()
    assert backend.steps < before + 600


def test_a_password_lets_in(visit: Visit) -> None:
    with shown_page(lambda _: echo(), password="sesame öffne", api=False) as page:
        visitor = visit(page)
        for word in ("open", "sesame"):
            visitor.find("input[type=password]").send_keys(word, Keys.ENTER)
            visitor.until(lambda: visitor.texts("[role=alert]") == ["That password is wrong."])
        visitor.find("input[type=password]").send_keys("sesame öffne", Keys.ENTER)
        visitor.ask("Hi")
        assert visitor.answers() == ["Hi"]
