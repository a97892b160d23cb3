"""Who may see the page and use its forms: the token, the cookie, other pages, and the policy that keeps scripts out."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest
from playwright.sync_api import Page, expect

from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer

from .page_shop import ORDER, Shop, open_engine

pytestmark = [pytest.mark.live, pytest.mark.browser]
TOKEN, KEY = "a-token-for-tests", "signkey-test-" + "ab" * 32


def test_the_token_is_asked_for_and_leads_back(page: Page) -> None:
    with open_engine(host="127.0.0.2", token=TOKEN) as wider:
        page.goto(f"{wider.origin}/events?name=a")
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Open the engine").click()
        expect(page.get_by_role("alert")).to_have_text("That is not the token of this engine.")
        page.goto(f"{wider.origin}/events?name=a")
        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Open the engine").click()
        expect(page).to_have_url(f"{wider.origin}/events?name=a")
        expect(page.get_by_role("heading", name="No event matches")).to_be_visible()
        (cookie,) = page.context.cookies()
        assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Strict")
        assert TOKEN not in cookie.get("value", TOKEN)
        assert TOKEN not in page.content()
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        assert page.context.cookies() == []
        page.goto(f"{wider.origin}/login")  # as somebody does who loads the address of a login that failed
        expect(page).to_have_url(f"{wider.origin}/runs")
        expect(page.get_by_role("button", name="Log out")).to_have_count(0)


@pytest.mark.parametrize("place", ["//evil.example/x", "/\\evil.example/x", "/\\/evil.example/x"])
def test_a_login_leads_to_this_engine_only(place: str) -> None:
    with open_engine(host="127.0.0.2", token=TOKEN) as wider:
        referer = {"referer": f"{wider.origin}{place}"}
        answer = wider.api.post("/login", data={"token": TOKEN}, headers=referer)
        assert (answer.status_code, answer.headers["location"]) == (303, "/evil.example/x")


def test_a_self_hosted_engine_takes_its_signing_key(page: Page) -> None:
    options = Options(sink=None, signing_key=KEY, event_keys=("one",), server_kind="cloud")
    with DevServer(options, port=0) as server:
        page.goto(f"{server.origin}/")
        page.get_by_label("Token").fill(KEY)
        page.get_by_role("button", name="Open the engine").click()
        expect(page.get_by_role("heading", name="Runs")).to_be_attached()
        assert httpx.get(f"{server.origin}/runs", trust_env=False, timeout=60).status_code == 401


def test_forms_are_for_the_pages_of_the_engine_alone(page: Page, shop: Shop) -> None:
    """A page of another program on this machine may use the API, but it cannot press a button here."""
    run = shop.run("shop/order.placed", ORDER)
    shop.wait(run)
    form = {"content-type": "application/x-www-form-urlencoded"}
    for path in (
        f"/runs/{run}/rerun",
        f"/runs/{run}/cancel",
        "/send",
        "/runs/bulk",
        "/functions/shop-ship/invoke",
        "/logout",
    ):
        elsewhere = shop.api.post(path, headers={**form, "origin": "http://localhost:3000"}, content=b"")
        cross_site = shop.api.post(path, headers={**form, "sec-fetch-site": "cross-site"}, content=b"")
        no_form = shop.api.post(path, json={})
        assert (elsewhere.status_code, cross_site.status_code, no_form.status_code) == (403, 403, 415), path
    page.goto(shop.origin)
    expect(page.locator("tbody tr")).to_have_count(2)  # the order and its parcel: nothing came of those forms


def test_an_engine_without_jinja_says_what_to_install() -> None:
    script = """
import sys, urllib.request, urllib.error
sys.modules["jinja2"] = None  # what an environment without it looks like to an import
from inngest_devserver.engine import Options
from inngest_devserver.server import DevServer
with DevServer(Options(sink=None), port=0) as server:
    try:
        urllib.request.urlopen(server.origin + "/runs")
    except urllib.error.HTTPError as error:
        print(error.code, error.read().decode())
    print(urllib.request.urlopen(server.origin + "/health").status)
"""
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=150
    ).stdout
    assert told.startswith("501 The page of the engine needs the package jinja2")
    assert 'pip install "inngest-suite[dev-server]"' in told
    assert told.rstrip().endswith("200")


def test_no_value_becomes_a_script_or_an_element(page: Page, shop: Shop) -> None:
    bad = "<img src=x onerror=document.title='broken'><script>document.title='broken'</script>\"'`{{7*7}}"
    run = shop.run("shop/order.placed", {**ORDER, "order": bad})
    shop.wait(run)
    event = shop.api.get(f"/v1/runs/{run}").json()["data"]["event_id"]
    shop.send(f"x/{bad}"[:200])
    for path in (f"/runs/{run}", "/runs", "/events", f"/events/{event}", "/send?name=shop/order.placed"):
        answer = page.goto(f"{shop.origin}{path}")
        assert answer is not None
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'")
        assert "unsafe" not in policy
        expect(page.locator("main img, main script")).to_have_count(0)
        assert "broken" not in page.title()
