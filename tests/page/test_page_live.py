"""What happens is shown as it happens, however much that is."""

from __future__ import annotations

import json
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from .page_shop import Shop

pytestmark = [pytest.mark.live, pytest.mark.browser]
CHANGES, SECONDS = 200, 3


def test_runs_appear_and_end_without_a_reload(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.origin}/runs")
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    expect(page.locator("live-dot")).to_have_text("Live")
    run = shop.run("shop/bought")
    row = page.locator(f'tr[data-key="{run}"]')
    expect(row).to_contain_text("Waiting")
    shop.send("shop/review.written", {"stars": 4})
    expect(row).to_contain_text("Completed")


def test_the_page_of_a_run_follows_it(page: Page, shop: Shop) -> None:
    run = shop.run("shop/bought")
    shop.wait_for_reason(run, "review")
    page.goto(f"{shop.origin}/runs/{run}")
    page.locator(".step summary").first.click()
    expect(page.locator("live-dot")).to_have_text("Live")
    shop.send("shop/review.written", {"stars": 4})
    expect(page.get_by_role("heading", level=1)).to_have_text("Completed Ask for a review")
    expect(page.get_by_role("region", name="Output of await review")).to_contain_text('"stars": 4')  # still unfolded
    expect(page.locator("#said")).to_have_text("Completed")
    expect(page).to_have_title("Completed: Ask for a review · Inngest engine")


def test_rows_stay_where_they_are_while_the_pointer_moves_over_them(page: Page, shop: Shop) -> None:
    first = shop.run("shop/bought")
    page.goto(f"{shop.origin}/runs")
    expect(page.locator("live-dot")).to_have_text("Live")
    page.locator(f'tr[data-key="{first}"]').hover()
    keep_moving = page.evaluate_handle(
        """() => {
            const list = document.querySelector("#run-list");
            return setInterval(() => list.dispatchEvent(new PointerEvent("pointermove")), 100);
        }"""
    )
    second = shop.run("shop/bought")
    show = page.get_by_role("button", name="Show 1 new")
    expect(show).to_be_visible()
    expect(page.locator(f'tr[data-key="{second}"]')).to_have_count(0)
    show.click()
    expect(page.locator(f'tr[data-key="{second}"]')).to_be_visible()
    page.evaluate("timer => clearInterval(timer)", keep_moving)


def test_two_hundred_changes_a_second_do_not_hold_the_page_up(browser: Browser, page: Page, shop: Shop) -> None:
    """The browser tells how much processor time its longest task took; a frame has to come in time all along."""
    page.goto(f"{shop.origin}/runs")
    expect(page.locator("live-dot")).to_have_text("Live")
    page.evaluate(
        """() => {
            window.asked = 0;
            const real = window.fetch;
            window.fetch = (...given) => { window.asked += 1; return real(...given); };
        }"""
    )
    events = [{"name": "shop/bought", "data": {"number": number}} for number in range(10)]
    browser.start_tracing(page=page, categories=["disabled-by-default-devtools.timeline"])
    began = time.monotonic()
    for batch in range(
        CHANGES * SECONDS // 40
    ):  # each run that starts to wait is told four times: event, run, call, step
        shop.api.post("/e/k", json=events).raise_for_status()
        page.wait_for_timeout(max(0.0, (began + (batch + 1) * 0.2 - time.monotonic()) * 1000))
    expect(page.locator("tbody tr")).to_have_count(50)
    asked = page.evaluate("window.asked")
    took = time.monotonic() - began
    assert 0 < longest_task(browser.stop_tracing()) < 200
    assert asked <= took / 0.5 + 2


def longest_task(trace: bytes) -> float:
    """Return how many milliseconds of its processor the main thread of a page has used for one task."""
    events = json.loads(trace)["traceEvents"]
    main = {
        (each["pid"], each["tid"])
        for each in events
        if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
    }
    tasks = [each for each in events if each["name"].endswith("RunTask") and (each["pid"], each["tid"]) in main]
    return max(float(each.get("tdur", 0)) / 1000 for each in tasks)
