"""One browser for all tests of the page, a new context for each; and an engine with a shop beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from .page_shop import Shop, open_shop

PATIENCE_MS = 60_000
"""For what comes at once on a machine that has time."""
expect.set_options(timeout=PATIENCE_MS)
_NAMES = ("chromium", "chromium-browser", "google-chrome")


def _chromium() -> str:
    """Return the browser's program. Where there is none, skip, unless TESTS_BROWSER=1 says that tests have to run."""
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return found
    said = "Chromium is not installed here: the tests of the page are left out (apt-get install chromium)"
    if os.environ.get("TESTS_BROWSER") == "1":
        pytest.fail(said)
    pytest.skip(said)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with this package: while Playwright runs, this thread can run no other event loop."""
    program = _chromium()
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu"], timeout=2 * PATIENCE_MS
        )
        try:
            yield launched
        finally:
            launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in which nothing goes wrong: no script fails, and nothing is against the content security policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, permissions=["clipboard-write"])
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    yield opened
    context.close()
    assert [fault for fault in faults if "Failed to load resource" not in fault] == []


@pytest.fixture
def shop(browser: Browser) -> Iterator[Shop]:
    """The browser is asked for first, so that nothing is started where there is none."""
    with open_shop() as opened:
        yield opened
