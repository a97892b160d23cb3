"""The list of runs and the page of one run, as a person sees them."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .page_shop import ORDER, Shop

pytestmark = [pytest.mark.live, pytest.mark.browser]


def test_the_list_tells_what_came_of_each_run(page: Page, shop: Shop) -> None:
    shop.wait(shop.run("shop/order.placed", ORDER))
    shop.world.bank = False
    shop.wait(shop.run("shop/order.placed", {**ORDER, "order": "A2"}))
    sleeping = shop.run("shop/cart.left", {"user": "ada"})
    shop.wait_for_reason(sleeping, "sleeps")
    page.goto(shop.origin)
    table = page.get_by_role("table", name="Runs, newest first")
    rows = table.locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("Sleeping")
    expect(rows.nth(0)).to_contain_text('step "let it rest" sleeps until')
    expect(rows.nth(1)).to_contain_text("Failed")
    expect(rows.nth(1)).to_contain_text("NonRetriableError: the bank declined 42.5 for A2")
    expect(rows.nth(3)).to_contain_text("Completed")
    expect(rows.nth(3)).to_contain_text("Fulfil an order")
    assert page.url == f"{shop.origin}/runs"


def test_a_failed_run_shows_its_error_and_the_users_frames_first(page: Page, shop: Shop) -> None:
    shop.world.bank = False
    run = shop.run("shop/order.placed", ORDER)
    shop.wait(run, "Failed")
    page.goto(f"{shop.origin}/runs/{run}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Failed Fulfil an order")
    error = page.locator(".error").first
    expect(error).to_contain_text("the bank declined 42.5 for A1")
    expect(error).to_contain_text("caused by CardDeclinedError: 51")
    frames = error.locator(".frames").first.locator("li")
    expect(frames.last).to_contain_text("shop.py")
    expect(frames.last).to_contain_text("in charge")
    expect(frames.last).to_contain_text("raise inngest.NonRetriableError")


def test_a_run_shows_its_steps_inputs_outputs_and_relatives(page: Page, shop: Shop) -> None:
    run = shop.run("shop/order.placed", ORDER)
    shop.wait(run, "Completed")
    page.goto(f"{shop.origin}/runs/{run}")
    steps = page.locator(".steps > li")
    expect(steps.locator(".title")).to_have_text(
        ["compute total", "charge card", "pack goods", "pack invoice", "ship it"]
    )
    expect(steps.nth(2).locator("summary").first).to_contain_text("parallel")
    steps.nth(1).locator("summary").first.click()
    expect(steps.nth(1)).to_contain_text('"A1"')
    expect(steps.nth(1)).to_contain_text('"paid": 42.5')
    expect(page.get_by_role("region", name="Output of the run")).to_contain_text('"label": "label A1"')
    steps.nth(4).locator("summary").first.click()
    steps.nth(4).get_by_role("link", name="Ship a parcel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Completed Ship a parcel")
    page.get_by_role("link", name="Fulfil an order").click()
    expect(page).to_have_url(f"{shop.origin}/runs/{run}")


def test_a_run_that_waits_says_why(page: Page, shop: Shop) -> None:
    run = shop.run("shop/bought")
    shop.wait_for_reason(run, "review")
    page.goto(f"{shop.origin}/runs/{run}")
    why = page.get_by_role("region", name="Why it waits")
    expect(why).to_contain_text('step "await review" waits for the event shop/review.written until')
    expect(page.get_by_role("heading", level=1)).to_have_text("Waiting Ask for a review")


def test_an_unknown_run_is_told_kindly(page: Page, shop: Shop) -> None:
    answer = page.goto(f"{shop.origin}/runs/01M81VAVFH3Q1M1WJAG82E1HVG")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("Not here")
