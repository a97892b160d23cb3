"""Other ways through the page: by keyboard, without JavaScript, in another theme, from nothing; and filters."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from .page_shop import ORDER, Shop, open_engine, until_live

pytestmark = [pytest.mark.live, pytest.mark.browser]


def test_everything_is_reached_by_keyboard(page: Page, shop: Shop) -> None:
    shop.wait(shop.run("shop/count", {"number": 1}))
    last = shop.run("shop/order.placed", ORDER)
    shop.wait(last)
    page.goto(f"{shop.origin}/functions")
    page.keyboard.type("gr")  # the second key has to come soon
    expect(page).to_have_url(f"{shop.origin}/runs")
    until_live(page)
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("teapot")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{shop.origin}/runs?q=teapot")
    until_live(page)
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Completed Fulfil an order")
    until_live(page)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator(".step").first.locator("details").first).to_have_attribute("open", "")
    page.keyboard.press("r")
    expect(page.get_by_text("Run again: this is the new run.")).to_be_visible()
    until_live(page)
    page.keyboard.press("u")
    expect(page).to_have_url(f"{shop.origin}/runs")


def test_runs_are_filtered_and_the_address_says_how(page: Page, shop: Shop) -> None:
    shop.wait(shop.run("shop/order.placed", ORDER))
    shop.world.bank = False
    shop.wait(shop.run("shop/order.placed", {**ORDER, "order": "A2"}))
    page.goto(f"{shop.origin}/runs")
    page.get_by_label("Status").select_option("failed")
    expect(page).to_have_url(f"{shop.origin}/runs?status=failed")
    expect(page.locator("tbody tr")).to_have_count(1)
    until_live(page)
    page.get_by_label("Function").select_option("shop-ship")
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    page.get_by_role("link", name="Clear").click()
    expect(page).to_have_url(f"{shop.origin}/runs")
    until_live(page)
    page.get_by_label("Time").select_option("1h")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.goto(f"{shop.origin}/runs?app=shop&from=2020-01-01T00:00Z")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.goto(f"{shop.origin}/runs?app=bakery")
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    page.goto(f"{shop.origin}/runs?until=2020-01-01T00:00Z")
    expect(page.get_by_role("heading", name="No run matches")).to_be_visible()
    page.goto(f"{shop.origin}/runs?status=failed&status=completed&function=shop-fulfil&q=declined&since=24h")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_long_lists_are_turned_over(page: Page, shop: Shop) -> None:
    shop.api.post("/e/k", json=[{"name": "shop/bought"}] * 60).raise_for_status()
    page.goto(f"{shop.origin}/runs")
    expect(page.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Older runs").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    page.get_by_role("link", name="Newest").click()
    expect(page.locator("tbody tr")).to_have_count(50)
    page.goto(f"{shop.origin}/events")
    page.get_by_role("link", name="Older events").click()
    expect(page.locator("tbody tr")).to_have_count(10)


def test_events_and_functions_are_shown_in_words(page: Page, shop: Shop) -> None:
    shop.send("shop/cart.left", {"user": "ada"})
    page.goto(f"{shop.origin}/events?name=shop/cart.left")
    expect(page.get_by_role("table", name="Events, newest first")).to_contain_text('{"user": "ada"}')
    page.get_by_role("link", name="shop/cart.left").click()
    expect(page.get_by_role("region", name="Runs that it started")).to_contain_text("Remind a customer")
    page.goto(f"{shop.origin}/functions")
    table = page.get_by_role("table", name="Functions of shop")
    expect(table).to_contain_text(
        "2 retries; at most 5 calls at once, for each event.data.user; is cancelled by shop/order.placed"
    )
    expect(table.locator("tr").filter(has_text="Remind")).to_contain_text("Sleeping")


def test_it_works_without_javascript(browser: Browser, shop: Shop) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(f"{shop.origin}/send?name=shop/count")
        page.get_by_label("Data", exact=True).fill('{"number": 1')
        page.get_by_role("button", name="Send event").click()
        expect(page.get_by_role("alert")).to_contain_text("The data is not JSON: Expecting")
        page.get_by_label("Data", exact=True).fill('{"number": 1}')
        page.get_by_role("button", name="Send event").click()
        expect(page).to_have_url(re.compile(r"/runs/\w{26}"))
        shop.wait(page.url.rpartition("/")[2].partition("?")[0])
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_have_text("Completed Count stock")
        page.get_by_role("button", name="Rerun", exact=True).click()
        expect(page.get_by_text("Run again: this is the new run.")).to_be_visible()
        page.goto(f"{shop.origin}/runs")
        page.get_by_label("Status").select_option("completed")
        page.get_by_role("button", name="Filter").click()
        expect(page.locator("tbody tr").first).to_contain_text("Count stock")
    finally:
        context.close()


def test_the_theme_is_chosen_and_kept(page: Page) -> None:
    with open_engine() as empty:
        page.goto(f"{empty.origin}/runs")
        ground = "getComputedStyle(document.documentElement).backgroundColor"
        light = page.evaluate(ground)
        page.get_by_role("button", name="Theme: system").click()
        page.get_by_role("button", name="Theme: light").click()
        expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
        assert page.evaluate(ground) != light
        page.reload()
        expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()


def test_empty_views_teach_the_next_step(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.origin}/runs")
    expect(page.get_by_role("heading", name="No runs yet")).to_be_visible()
    expect(page.get_by_text("inngest send shop/order.placed '{}'")).to_be_visible()
    page.evaluate(  # it is said for no longer than a moment
        """() => {
            window.copied = new Promise((resolve) => {
                new MutationObserver(() => {
                    const texts = [...document.querySelectorAll("copy-text")].map((each) => each.textContent);
                    if (texts.includes("Copied")) resolve(true);
                }).observe(document.body, { subtree: true, childList: true, characterData: true });
            });
        }"""
    )
    page.get_by_role("button", name="Copy").click()
    assert page.evaluate("() => window.copied")
    with open_engine() as empty:
        page.goto(f"{empty.origin}/runs")
        expect(page.get_by_role("heading", name="No app is registered yet")).to_be_visible()
        expect(page.get_by_text("inngest dev main:app")).to_be_visible()
        page.goto(f"{empty.origin}/events")
        expect(page.get_by_role("heading", name="No events yet")).to_be_visible()
