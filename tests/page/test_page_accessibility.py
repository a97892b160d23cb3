"""Every view, in light and dark, wide and narrow, has no fault that axe calls serious or critical, and fits."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from .page_shop import ORDER, Shop, open_engine, open_shop

_axe: Any = importlib.import_module("axe_playwright_python.sync_playwright").Axe()  # it has no types
pytestmark = [pytest.mark.live, pytest.mark.browser]
LOOKS = {
    "light-wide": ("light", 1280),
    "dark-wide": ("dark", 1280),
    "light-narrow": ("light", 390),
    "dark-narrow": ("dark", 390),
}


@pytest.fixture(scope="module")
def busy_shop(browser: Browser) -> Iterator[tuple[Shop, dict[str, str]]]:
    """A shop in which something of every kind has happened, and the paths of all views."""
    with open_shop() as shop:
        done = shop.run("shop/order.placed", {**ORDER, "order": "A0"})
        shop.wait(done)
        shop.world.bank = False
        failed = shop.run("shop/order.placed", ORDER)
        shop.wait(failed)
        sleeping = shop.run("shop/cart.left", {"user": "ada"})
        shop.wait_for_reason(sleeping, "sleeps")
        waiting = shop.run("shop/bought")
        shop.wait_for_reason(waiting, "review")
        event = shop.api.get(f"/v1/runs/{done}").json()["data"]["event_id"]
        yield (
            shop,
            {
                "runs": "/runs",
                "no run": "/runs?q=nothing-like-this",
                "done": f"/runs/{done}",
                "failed": f"/runs/{failed}",
                "sleeping": f"/runs/{sleeping}",
                "waiting": f"/runs/{waiting}",
                "bulk": "/runs/bulk?action=rerun&status=failed",
                "events": "/events?internal=yes",
                "event": f"/events/{event}",
                "functions": "/functions",
                "function": "/functions/shop-remind",
                "send": "/send?name=shop/order.placed",
                "unknown": "/runs/unknown",
            },
        )


def faults(page: Page) -> list[str]:
    """Return what axe finds, with the elements."""
    found = _axe.run(page).response["violations"]
    return [
        f"{each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("look", LOOKS)
def test_every_view_is_accessible_and_fits(browser: Browser, busy_shop: tuple[Shop, dict[str, str]], look: str) -> None:
    shop, paths = busy_shop
    scheme, width = LOOKS[look]
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme="dark" if scheme == "dark" else "light"
    )
    wrong: dict[str, list[str]] = {}
    try:
        page = context.new_page()
        for name, path in paths.items():
            page.goto(f"{shop.origin}{path}")
            expect(page.get_by_role("heading", level=1)).to_have_count(1)
            page.evaluate("for (const each of document.querySelectorAll('main details')) each.open = true")
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wrong[f"{name} is too wide"] = []
            if found := faults(page):
                wrong[name] = found
    finally:
        context.close()
    assert wrong == {}


def test_empty_views_and_the_help_are_accessible(page: Page) -> None:
    with open_engine() as empty:
        for path in ("/runs", "/events", "/functions"):
            page.goto(f"{empty.origin}{path}")
            assert faults(page) == []
        page.keyboard.press("?")
        expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
        assert faults(page) == []


def test_the_login_form_is_accessible(page: Page) -> None:
    with open_engine(host="127.0.0.2", token="a-token-for-tests") as wider:
        page.goto(f"{wider.origin}/runs")
        assert faults(page) == []
