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


def test_a_run_shows_models_and_tokens(page: Page, shop: Shop) -> None:
    run = shop.run("shop/order.placed", ORDER)
    shop.wait(run, "Completed")
    model = "<b>gpt</b>-" + "x" * 100
    for step, tokens in (("charge card", 1200), ("compute total", 34)):
        values = {"response_model": model, "input_tokens": tokens, "output_tokens": 5}
        told = {"target": {"step_id": step}, "metadata": [{"kind": "inngest.ai", "op": "merge", "values": values}]}
        shop.api.post(f"/v1/runs/{run}/metadata", json=told).raise_for_status()
    page.goto(f"{shop.origin}/runs/{run}")
    facts = page.locator(".facts")
    expect(facts).to_contain_text(model)
    expect(facts).to_contain_text("1,234 tokens in, 10 out, 2 answers")
    charged = page.locator(".steps > li").nth(1)
    expect(charged.locator("summary").first).to_contain_text("1,205 tokens")
    charged.locator("summary").first.click()
    expect(charged).to_contain_text("1,200 tokens in, 5 out")
    charged.locator("summary").filter(has_text="Metadata").click()
    expect(page.get_by_role("region", name="Metadata inngest.ai of charge card")).to_contain_text("1200")
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


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
