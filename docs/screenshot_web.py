"""Draw docs/web.png: the real page with the shipped model, fixed seeds and a headless Chromium.

python -m docs.screenshot_web
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from picochat.inference.engine import load_engine
from picochat.locations import default_model
from tests.web.browser import chromium, shown_page

MESSAGES = ("Hello!", "Who are you?", "Tell me a story about a dragon.")
SEED = 3
SIZE = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}


def draw(target: Path) -> None:
    """Hold the conversation, show its probabilities and point at a token."""
    with (
        shown_page(lambda path: load_engine(path, device="cpu"), default_model()) as page,
        tempfile.TemporaryDirectory() as profile,
        chromium(Path(profile)) as browser,
    ):
        browser.implicitly_wait(60)
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
        browser.get(page.url)
        browser.find_element(By.CSS_SELECTOR, "#setting-seed input").send_keys(str(SEED))
        for number, text in enumerate(MESSAGES, 1):
            browser.find_element(By.CSS_SELECTOR, "#say textarea").send_keys(text, Keys.ENTER)
            done = f"#conversation article:nth-of-type({2 * number}) .below"
            WebDriverWait(browser, 60).until(lambda _, done=done: browser.find_element(By.CSS_SELECTOR, done))
        browser.find_element(By.CSS_SELECTOR, "#probabilities input").click()
        token = browser.find_elements(By.CSS_SELECTOR, "#conversation .token")[4]
        ActionChains(browser).move_to_element(token).pause(1).perform()
        browser.save_screenshot(str(target))


if __name__ == "__main__":
    draw(Path(__file__).with_name("web.png"))
