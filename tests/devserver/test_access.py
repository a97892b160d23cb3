"""Who may use an engine, on real sockets: names, origins, the token of one that others reach, keys, local pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from inngest_devserver.engine import Engine, Options
from inngest_devserver.http.access import Access, Need, host_name
from inngest_devserver.http.routes import Endpoint, endpoints
from inngest_devserver.server import DevServer

from .harness import APP_URL

pytestmark = pytest.mark.live

WIDER = "127.0.0.2"
"""An address that counts as one which others can reach; nobody outside of this machine can."""
KEY, FALLBACK, STRANGE = "signkey-test-" + "ab" * 32, "signkey-test-" + "cd" * 32, "signkey-test-" + "ef" * 32
TOKEN = "a-token-for-tests"
RUN = "01M81VAVFH3Q1M1WJAG82E1HVG"


def registration_of(name: str) -> dict[str, Any]:
    runtime = {"type": "http", "url": f"{APP_URL}?fnId=app-{name}&stepId=step"}
    steps = {"step": {"id": "step", "name": "step", "runtime": runtime}}
    function = {"id": f"app-{name}", "name": name, "triggers": [{"event": f"t/{name}"}], "steps": steps}
    return {"appName": "app", "url": APP_URL, "functions": [function]}


def client_of(server: DevServer, **headers: str) -> httpx.Client:
    return httpx.Client(base_url=server.origin, trust_env=False, headers=headers, timeout=60)


@pytest.fixture
def wider() -> Iterator[DevServer]:
    with DevServer(Options(sink=None), host=WIDER, port=0, allowed_hosts=["engine.internal"]) as server:
        yield server


@pytest.fixture
def hosted() -> Iterator[DevServer]:
    """A self-hosted engine with two event keys, in the middle of a change of its signing key."""
    options = Options(
        sink=None, signing_key=KEY, signing_key_fallback=FALLBACK, event_keys=("one", "two"), server_kind="cloud"
    )
    with DevServer(options, host=WIDER, port=0) as server:
        yield server


# --- names and pages


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("", 403),
        ("evil.example", 403),
        ("engine.internal", 200),
        ("ENGINE.internal:8288", 200),
        ("engine.internal.", 200),
        ("engine.internal.evil.example", 403),
        (WIDER, 200),
        ("localhost:1234", 200),
        ("shop.localhost", 200),
        ("[::1]:8288", 200),
        ("[bad", 403),
        ("10.0.0.7", 403),
    ],
)
def test_an_engine_that_others_reach_answers_to_its_names_only(wider: DevServer, host: str, status: int) -> None:
    with client_of(wider) as client:
        assert client.get("/health", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://evil.example", 403),
        ("null", 403),
        ("http://10.0.0.7", 403),
        ("http://localhost.evil.example", 403),
        ("http://localhost:3000", 200),
        ("http://engine.internal:8288", 200),
    ],
)
def test_the_origin_of_a_page_is_checked_also_by_an_engine_that_others_reach(
    wider: DevServer, origin: str, status: int
) -> None:
    with client_of(wider, origin=origin) as client:
        assert client.post("/e/k", json={"name": "a"}).status_code == status


def test_no_page_from_elsewhere_changes_anything_whatever_it_shows(hosted: DevServer) -> None:
    """Also one to which a name leads that nobody named: a self-hosted engine answers to any name."""
    with client_of(hosted, origin="https://evil.example", host="engine.example", authorization=f"Bearer {KEY}") as page:
        for method, path in changing_routes():
            assert page.request(method, path, json={}).status_code == 403, path
    with client_of(hosted, origin="http://engine.example", host="engine.example") as own_page:
        assert own_page.post("/e/one", json={"name": "a"}).status_code == 200


# --- the token


def changing_routes() -> list[tuple[str, str]]:
    """Return every route with which something is changed, as a request that its route takes."""
    filled = {"{run}": RUN, "{cancellation}": RUN, "{key}": "k", "{function}": "f", "{app}": "app", "{event}": RUN}
    found: list[tuple[str, str]] = []
    for endpoint in _endpoints():
        path = endpoint.path
        for name, value in filled.items():
            path = path.replace(name, value)
        found += [(method, path) for method in endpoint.methods if method not in ("GET", "OPTIONS")]
    assert len(found) > 15
    return found


def _endpoints() -> list[Endpoint]:
    async def served() -> list[Endpoint]:
        engine = Engine(Options(sink=None))
        try:
            return list(endpoints(engine))
        finally:
            await engine.stop()

    return asyncio.run(served())


@pytest.mark.parametrize("token", [None, TOKEN])
def test_managing_an_engine_that_others_reach_needs_its_token(token: str | None) -> None:
    with DevServer(Options(sink=None), host=WIDER, port=0, token=token) as server:
        assert len(server.token or "") >= 16
        with client_of(server) as stranger, client_of(server, authorization=f"Bearer {server.token}") as owner:
            for path in ("/v1/runs", "/v1/events", "/api/v2/runs", f"/v1/runs/{RUN}", "/v1/apps/app/functions"):
                assert stranger.get(path).status_code == 401, path
                assert owner.get(path).status_code in (200, 404), path
            for method, path in changing_routes():
                need = next(each.need for each in _endpoints() if each.methods.get(method) and _fits(each.path, path))
                refused = stranger.request(method, path, json={}).status_code == 401
                assert refused is (need is Need.MANAGE), (method, path)
            assert owner.delete("/fn/remove?url=http://a").status_code == 200
            said = stranger.delete("/fn/remove?url=http://a").json()["error"]
            assert "token" in said
            assert (server.token or "") not in said


def _fits(route: str, path: str) -> bool:
    parts, given = route.split("/"), path.split("/")
    return len(parts) == len(given) and all(a == b or a.startswith("{") for a, b in zip(parts, given, strict=True))


def test_what_apps_and_senders_call_needs_no_token(wider: DevServer) -> None:
    with client_of(wider) as app:
        assert app.post("/e/any", json={"name": "a"}).status_code == 200
        assert app.post("/fn/register", json=registration_of("f")).status_code == 200
        assert app.get("/health").status_code == 200
        assert app.get(f"/v0/runs/{RUN}/actions").status_code == 404
        assert app.post(f"/v1/checkpoint/{RUN}/async", json={}).status_code not in (401, 403)
        info = app.get("/dev").json()
        assert (info["functions"], info["startOpts"]["urls"]) == ([], [])  # that is told to those with the token
    with client_of(wider, authorization=f"Bearer {wider.token}") as owner:
        assert [one["slug"] for one in owner.get("/dev").json()["functions"]] == ["app-f"]


def test_a_browser_exchanges_the_token_for_a_cookie(wider: DevServer) -> None:
    with client_of(wider) as browser:
        assert browser.get("/").status_code == 401
        assert browser.get("/?token=wrong").status_code == 401
        entered = browser.get(f"/?token={wider.token}")
        cookie = entered.headers["set-cookie"]
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert "no-store" in entered.headers["cache-control"]
        shown = {"cookie": cookie.partition(";")[0]}
        assert browser.get("/runs", headers=shown).status_code == 200
        assert browser.get("/v1/runs", headers=shown).status_code == 200
        elsewhere = {**shown, "origin": "https://evil.example"}
        assert browser.delete("/fn/remove?url=http://a", headers=elsewhere).status_code == 403
        assert browser.get("/v1/runs", headers={"cookie": "inngest_token=wrong"}).status_code == 401
        assert browser.get("/v1/runs", headers={"cookie": "=;;;\x01"}).status_code in (400, 401)


def test_on_loopback_nothing_is_asked_for() -> None:
    with DevServer(Options(sink=None), port=0) as server, client_of(server) as client:
        assert server.token is None
        assert client.get("/v1/runs").status_code == 200
        assert client.get("/").headers["location"] == "/runs"


# --- keys


def test_a_self_hosted_engine_asks_for_keys_on_every_route(hosted: DevServer) -> None:
    assert hosted.token is None
    is_open = {"/health", "/api/v2/health", "/api/v2/openapi.json", "/dev"}
    of_the_page = {"/login", "/logout", "/static/{version}/{file}"}
    with client_of(hosted, host="any.example") as stranger:
        for endpoint in _endpoints():
            path = endpoint.path
            for name in ("run", "key", "function", "app", "event", "cancellation"):
                path = path.replace(f"{{{name}}}", RUN)
            for method in endpoint.methods:
                status = stranger.request(method, path, json={}).status_code
                if endpoint.path in is_open:
                    assert status in (200, 404), path
                elif (method, path) == ("GET", "/login"):
                    assert status == 303  # to the runs, which ask for the token
                elif endpoint.path in of_the_page:
                    assert status in (404, 415), path
                elif method != "OPTIONS":
                    assert status == 401, (method, path)
        assert stranger.get("/dev").json()["functions"] == []


@pytest.mark.parametrize(("key", "status"), [(KEY, 200), (FALLBACK, 200), (STRANGE, 401), ("one", 401)])
def test_either_signing_key_lets_in_while_they_are_changed(hosted: DevServer, key: str, status: int) -> None:
    with client_of(hosted, authorization=f"Bearer {key}") as client:
        assert client.get("/v1/runs").status_code == status
        assert client.post("/fn/register", json=registration_of("f")).status_code == status


@pytest.mark.parametrize(("key", "status"), [("one", 200), ("two", 200), ("three", 401), (KEY, 401)])
def test_each_of_several_event_keys_may_send(hosted: DevServer, key: str, status: int) -> None:
    with client_of(hosted) as client:
        answer = client.post(f"/e/{key}", json={"name": "a"})
        assert answer.status_code == status
        assert key not in answer.text


def test_options_do_not_show_keys(hosted: DevServer) -> None:
    shown = repr(hosted.options) + repr(hosted.engine.signing_keys) + repr(Access(token=TOKEN))
    assert not [secret for secret in (KEY, FALLBACK, "'one'", TOKEN) if secret in shown]


# --- front ends on localhost


def test_a_page_on_localhost_may_send_events_and_read_the_answer() -> None:
    with DevServer(Options(sink=None), port=0) as server, client_of(server, origin="http://localhost:3000") as page:
        asked = {
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type,x-inngest-env",
        }
        allowed = page.options("/e/key", headers=asked)
        assert allowed.status_code == 204
        assert allowed.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert allowed.headers["access-control-allow-methods"] == "POST"
        assert allowed.headers["access-control-allow-headers"] == "content-type, x-inngest-env"
        assert allowed.headers["vary"] == "origin"
        for event, status in (({"name": "a"}, 200), ({"name": ""}, 400)):
            answer = page.post("/e/key", json=event)
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
        for method, path in (("OPTIONS", "/v1/runs"), ("GET", "/v1/runs"), ("POST", "/fn/register")):
            assert "access-control-allow-origin" not in page.request(method, path).headers, path
        assert page.options("/e/key", headers={**asked, "origin": "https://evil.example"}).status_code == 403


@pytest.mark.parametrize("text", ["http://engine", "a/b", "", "a b", "user@host", "*", "a,b"])
def test_what_is_no_host_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host"):
        host_name(text)


@pytest.mark.parametrize(("text", "name"), [("Engine", "engine"), ("::1", "::1"), ("a:8288", "a"), ("[::1]:1", "::1")])
def test_hosts_may_be_written_as_browsers_write_them(text: str, name: str) -> None:
    assert host_name(text) == name
