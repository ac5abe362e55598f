"""A real browser, headless Chromium, for the tests that look at pages."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1400,2400"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)


def start(profile: Path) -> Any:
    """A browser that keeps its profile in this empty folder; skips the test where no browser is installed."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not installed (Debian: chromium, chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))


def wait_for(browser: Any, condition: Callable[[], Any], what: str) -> Any:
    """The first true result of ``condition()``, which is called again if an element is missing or has changed."""
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
    from selenium.webdriver.support.ui import WebDriverWait

    passing = (NoSuchElementException, StaleElementReferenceException)
    return WebDriverWait(browser, 60, 0.1, passing).until(lambda _: condition(), f"waited for {what}")


def close_assistant(browser: Any) -> None:
    """Close the panel of MLflow's assistant, which newer versions open unasked."""
    for close in browser.find_elements("css selector", "[data-component-id='mlflow.assistant.chat_panel.close']"):
        browser.execute_script("arguments[0].click()", close)


def text(browser: Any) -> str:
    """All the text that a page shows."""
    return browser.find_element("css selector", "body").text
