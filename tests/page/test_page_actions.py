"""What a person does from the page, and where one lands after it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from .page_shop import ORDER, Shop

pytestmark = [pytest.mark.live, pytest.mark.browser]


def headline(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def run_of(page: Page) -> str:
    found = re.search(r"/runs/(\w{26})", page.url)
    assert found, page.url
    return found[1]


def test_an_event_is_sent_and_leads_to_its_run(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.origin}/runs")
    page.get_by_role("link", name="Send event").click()
    page.get_by_role("link", name="shop/order.placed").click()
    expect(page).to_have_url(re.compile("name=shop"))
    page.get_by_label("Data", exact=True).fill(json.dumps(ORDER))
    page.get_by_role("button", name="Send event").click()
    headline(page, "Completed Fulfil an order")
    expect(page.get_by_role("status").filter(has_text="Event sent. It started 1 run.")).to_be_visible()
    expect(page).not_to_have_url(re.compile("did="))
    page.get_by_role("link", name="shop/order.placed").click()
    page.get_by_role("link", name="Send again, edited…").click()
    expect(page.get_by_label("Data", exact=True)).to_have_value(re.compile("teapot"))


def test_an_event_that_starts_nothing_says_what_to_do(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.origin}/send")
    page.get_by_label("Name").fill("shop/unheard.of")
    page.get_by_label("Data", exact=True).press("Control+Enter")
    headline(page, "shop/unheard.of")
    expect(page.get_by_text("no function here has")).to_be_visible()
    expect(page.get_by_text('trigger=inngest.TriggerEvent(event="shop/unheard.of")')).to_be_visible()


def test_data_that_is_no_json_is_not_sent(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.origin}/send?name=shop/count")
    page.get_by_label("Data", exact=True).fill('{"number": 1,}')
    page.get_by_role("button", name="Send event").click()
    expect(page).to_have_url(f"{shop.origin}/send?name=shop/count")
    valid = page.get_by_label("Data", exact=True).evaluate("field => field.validationMessage")
    assert "This is not JSON" in valid
    page.get_by_label("Data", exact=True).fill("[1]")
    page.get_by_role("button", name="Send event").click()
    expect(page.get_by_role("alert")).to_have_text("The data is a JSON array; expected an object, as in {}")
    expect(page.get_by_label("Data", exact=True)).to_have_value("[1]")


def test_a_function_is_invoked_by_a_form(page: Page, shop: Shop) -> None:
    page.goto(f"{shop.origin}/functions")
    page.get_by_role("link", name="Count stock").click()
    page.get_by_label("Data", exact=True).fill('{"number": 41}')
    page.get_by_role("button", name="Invoke").click()
    headline(page, "Completed Count stock")
    expect(page.get_by_role("region", name="Output of the run")).to_have_text("42")
    expect(page.get_by_text("Function invoked: this is its run.")).to_be_visible()


def test_a_failed_run_is_rerun_when_its_cause_is_gone(page: Page, shop: Shop) -> None:
    shop.world.bank = False
    failed = shop.run("shop/order.placed", ORDER)
    shop.wait(failed, "Failed")
    page.goto(f"{shop.origin}/runs?status=failed")
    page.get_by_role("link", name="Fulfil an order").click()
    shop.world.bank = True
    page.get_by_role("button", name="Rerun", exact=True).click()
    headline(page, "Completed Fulfil an order")
    assert run_of(page) != failed
    page.locator(".facts").get_by_role("link", name="Fulfil an order").click()
    expect(page).to_have_url(f"{shop.origin}/runs/{failed}")
    expect(page.get_by_text("Rerun as")).to_be_visible()


def test_a_run_is_done_again_from_a_step_with_another_input(page: Page, shop: Shop) -> None:
    run = shop.run("shop/order.placed", ORDER)
    shop.wait(run)
    page.goto(f"{shop.origin}/runs/{run}")
    step = page.locator(".step").filter(has_text="charge card")
    step.locator("summary").first.click()
    step.get_by_text("Rerun from here with another input").click()
    step.get_by_label("Input, an array of arguments").fill('["A1", 7]')
    step.get_by_role("button", name="Rerun with this input").click()
    expect(page).not_to_have_url(re.compile(run))
    headline(page, "Completed Fulfil an order")
    assert run_of(page) != run
    expect(page.get_by_role("region", name="Output of the run")).to_contain_text('"paid": 7')
    assert shop.world.calls == ["A1 42.5", "A1 7"]


def test_a_run_is_cancelled(page: Page, shop: Shop) -> None:
    run = shop.run("shop/cart.left", {"user": "ada"})
    shop.wait_for_reason(run, "sleeps")
    page.goto(f"{shop.origin}/runs/{run}")
    page.get_by_role("button", name="Cancel run").click()
    headline(page, "Cancelled Remind a customer")
    assert shop.status(run) == "Cancelled"
    expect(page.get_by_role("button", name="Cancel run")).to_have_count(0)


def test_a_sleep_is_skipped(page: Page, shop: Shop) -> None:
    run = shop.run("shop/cart.left", {"user": "ada"})
    shop.wait_for_reason(run, "sleeps")
    page.goto(f"{shop.origin}/runs/{run}")
    page.locator(".step summary").first.click()
    page.get_by_role("button", name="Skip the sleep").click()
    headline(page, "Completed Remind a customer")
    assert shop.status(run) == "Completed"


def test_a_wait_goes_on_with_an_event_that_is_made_up(page: Page, shop: Shop) -> None:
    run = shop.run("shop/bought")
    shop.wait_for_reason(run, "review")
    page.goto(f"{shop.origin}/runs/{run}")
    page.locator(".step summary").first.click()
    page.get_by_text("Go on with an event shop/review.written").click()
    page.get_by_label("Data of the event").fill('{"stars": 5}')
    page.get_by_role("button", name="Go on with this event").click()
    headline(page, "Completed Ask for a review")
    expect(page.get_by_role("region", name="Output of the run")).to_contain_text('"stars": 5')


def test_a_wait_is_given_up(page: Page, shop: Shop) -> None:
    run = shop.run("shop/bought")
    shop.wait_for_reason(run, "review")
    page.goto(f"{shop.origin}/runs/{run}")
    page.locator(".step summary").first.click()
    page.get_by_role("button", name="Skip: nothing has come").click()
    headline(page, "Completed Ask for a review")
    expect(page.get_by_role("region", name="Output of the run")).to_contain_text("null")
    assert shop.status(run) == "Completed"


def test_many_runs_are_cancelled_after_a_look_at_them(page: Page, shop: Shop) -> None:
    runs = [shop.run("shop/cart.left", {"user": f"user {number}"}) for number in range(3)]
    for run in runs:
        shop.wait_for_reason(run, "sleeps")
    page.goto(f"{shop.origin}/runs?function=shop-remind")
    page.get_by_role("link", name="Cancel all of these…").click()
    headline(page, "Cancel 3 runs?")
    assert {shop.status(run) for run in runs} == {"Running"}
    page.get_by_role("button", name="Cancel 3 runs").click()
    expect(page.get_by_role("status").filter(has_text="3 runs cancelled.")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(3)
    assert {shop.status(run) for run in runs} == {"Cancelled"}


def test_many_runs_are_done_again(page: Page, shop: Shop) -> None:
    shop.world.bank = False
    for order in ("A1", "A2"):
        shop.wait(shop.run("shop/order.placed", {**ORDER, "order": order}), "Failed")
    shop.world.bank = True
    page.goto(f"{shop.origin}/runs?status=failed&q=declined")
    page.get_by_role("link", name="Rerun all of these…").click()
    page.get_by_role("button", name="Rerun 2 runs").click()
    expect(page.get_by_text("2 runs started again: here are the new ones.")).to_be_visible()
    again = page.locator("tbody tr").filter(has_text="rerun")
    expect(again).to_have_count(2)
    expect(again.filter(has_text="Completed")).to_have_count(2)


def test_a_run_is_exported_as_a_fixture(page: Page, shop: Shop, tmp_path: Path) -> None:
    run = shop.run("shop/order.placed", {**ORDER, "api_key": "s3cret"})
    shop.wait(run)
    page.goto(f"{shop.origin}/runs/{run}")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export fixture").click()
    assert download.value.suggested_filename == f"shop-fulfil-{run[-6:]}.json"
    download.value.save_as(tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text(encoding="utf-8")
    assert json.loads(text)["run_id"] == run
    assert "s3cret" not in text


def test_what_looks_like_a_secret_is_not_shown(page: Page, shop: Shop) -> None:
    run = shop.run("shop/order.placed", {**ORDER, "api_key": "s3cret"})
    shop.wait(run)
    event = shop.api.get(f"/v1/runs/{run}").json()["data"]["event_id"]
    for path in (f"/runs/{run}", f"/events/{event}", "/events", f"/send?like={event}", "/send?name=shop/order.placed"):
        page.goto(f"{shop.origin}{path}")
        expect(page.locator("main")).to_contain_text("teapot")
        assert "s3cret" not in page.content()
        assert "[masked]" in page.content()


def test_what_the_engine_asked_of_the_app_is_shown(page: Page, shop: Shop) -> None:
    run = shop.run("shop/count", {"number": 1})
    shop.wait(run)
    page.goto(f"{shop.origin}/runs/{run}")
    calls = page.get_by_role("region", name="What the engine asked of the app")
    calls.get_by_text("the function").click()
    expect(calls.get_by_role("region", name="What was sent")).to_contain_text('"number": 1')
    expect(calls.get_by_role("region", name="What was received")).to_have_text("2")
