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
WIDTHS = (1280, 360)
VIEWS = (
    *("runs", "no run", "done", "failed", "long", "sleeping", "waiting", "bulk"),
    *("events", "event", "functions", "function", "send", "unknown"),
)


@pytest.fixture(scope="module")
def busy_shop(browser: Browser) -> Iterator[tuple[Shop, dict[str, str]]]:
    """A shop in which something of every kind has happened, and the paths of all views."""
    with open_shop() as shop:
        done = shop.run("shop/order.placed", {**ORDER, "order": "A0"})
        shop.wait(done)
        shop.world.bank = False
        failed = shop.run("shop/order.placed", ORDER)
        shop.wait(failed)
        long = shop.run("shop/order.placed", {**ORDER, "order": "long" * 100})
        shop.wait(long)
        shop.send("shop/" + "long" * 100)
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
                "long": f"/runs/{long}",
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


def faults(page: Page, *rules: str) -> list[str]:
    """Return what axe finds, with the elements. rules: the only ones that are asked; all, if there are none."""
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = {"type": "rule", "values": list(rules)}
    found = _axe.run(page, options=options).response["violations"]
    return [
        f"{each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_is_accessible_and_fits(page: Page, busy_shop: tuple[Shop, dict[str, str]], view: str) -> None:
    shop, paths = busy_shop
    page.goto(f"{shop.origin}{paths[view]}")
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    page.evaluate("for (const each of document.querySelectorAll('main details')) each.open = true")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        page.emulate_media(color_scheme="light")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert faults(page) == [], width
        page.emulate_media(color_scheme="dark")
        assert faults(page, "color-contrast") == [], width  # a theme changes nothing else


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
