"""Values that are hidden from people: of fields whose names look like secrets; and what no answer ever shows."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from inngest_core.web.messages import Request, Response
from inngest_devserver.http.api import API
from inngest_devserver.http.routes import endpoints
from inngest_devserver.masking import CUT, MASK, Masking

from .harness import Called, Lab, Reply, lab, op, ops, ran, returned
from .in_process import ask

KEY, FALLBACK = "signkey-test-" + "ab" * 32, "signkey-test-" + "cd" * 32
EVENT_KEY, PASSWORD, VARIABLE = "the-event-key-0123", "the-password-4567", "the-variable-89ab"
HIDDEN = "the-value-of-a-secret-field"
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"password": "a", "user": "b"}, {"password": MASK, "user": "b"}),
        ({"API-Key": 1, "apiKey": {"a": 1}}, {"API-Key": MASK, "apiKey": MASK}),
        ({"my_secret_thing": [1]}, {"my_secret_thing": MASK}),
        ([{"a": {"token": "x"}}], [{"a": {"token": MASK}}]),
        ({"password": None, "cookie": ""}, {"password": None, "cookie": MASK}),
        ("password", "password"),
        (7, 7),
    ],
)
def test_values_of_fields_that_look_like_secrets(value: object, shown: object) -> None:
    assert Masking().mask(value) == shown
    assert Masking(()).mask(value) == value


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("password=x, host=db", f"password={MASK}, host=db"),
        ("no answer: password=x", f"no answer: password={MASK}"),
        ("ValueError: a: b: token: Bearer abc def", f"ValueError: a: b: token: {MASK} def"),
        ("""{'token': 'x y', "n": 1}""", f"""{{'token': {MASK}, "n": 1}}"""),
        ("secret=token=x; a=1", f"secret={MASK}; a=1"),
        ("password=", "password="),
        ("a=b", "a=b"),
    ],
)
def test_fields_in_a_line_that_look_like_secrets(line: str, shown: str) -> None:
    assert Masking().mask_line(line) == shown
    assert Masking(()).mask_line(line) == line


def test_names_are_configured() -> None:
    masking = Masking(["email", "*-id"])
    assert masking.mask({"Email": "a", "user_id": 1, "password": "p"}) == {
        "Email": MASK,
        "user_id": MASK,
        "password": "p",
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"password": "a\\"b", "n": 1', '{"password": "[masked]", "n": 1'),
        ('{"x": {"api-key": 12, "b": 2}, "token": tru', '{"x": {"api-key": "[masked]", "b": 2}, "token": "[masked]"'),
        ('{"token": {"a": {"b": 1}}, "z": 2', '{"token": "[masked]"' + CUT),
        ('{"secrets": ["a", "b"', '{"secrets": "[masked]"' + CUT),
        ('{"token": "unfinis', '{"token": "[masked]"'),
        ('{"a": "token", "b": 1', '{"a": "token", "b": 1'),
        ("no JSON", "no JSON"),
    ],
)
def test_json_that_is_cut_is_masked_too(text: str, shown: str) -> None:
    assert Masking().mask_json(text.encode(), is_whole=False) == shown + CUT


def test_what_was_edited_gets_its_hidden_values_back() -> None:
    original = [{"password": "p", "card": {"card_number": "4", "name": "Ann"}, "n": 1}]
    edited = [{"password": MASK, "card": {"card_number": MASK, "name": "Bob"}, "n": MASK, "token": MASK}, 2]
    assert Masking().restore(edited, original) == [
        {"password": "p", "card": {"card_number": "4", "name": "Bob"}, "n": MASK, "token": MASK},
        2,
    ]


def script(call: Called) -> Reply:
    """Take a step "a", a step "b" that fails once, and return; with a secret wherever one can be."""
    secret = {"password": HIDDEN, "n": 1}
    if call.has("b"):
        return returned(secret)
    if not call.has("a"):
        return ops({**ran("a", secret), "opts": {"input": [secret]}})
    if call.ctx["attempt"] == 0:
        return ops(op("StepError", "b", error={"name": "E", "message": "no", "stack": "st"}))
    return ops(ran("b", secret))


async def answer_to(it: Lab, method: str, path: str, body: object = None) -> Response:
    headers = {"host": "127.0.0.1:8288", "authorization": f"Bearer {KEY}"}
    content = b"" if body is None else json.dumps(body).encode()
    return await ask(API(it.engine), Request(method, f"http://127.0.0.1:8288{path}", headers, content))


async def answers_of(it: Lab, run: dict[str, Any]) -> dict[str, str]:
    """Return what every route answers that shows something, by its path."""
    filled = {"run": run["run_id"], "event": run["event_id"], "app": "app", "function": "f", "cancellation": UNKNOWN}
    asked: list[tuple[str, str, object]] = []
    for endpoint in endpoints(it.engine):
        if "GET" in endpoint.methods and "{key}" not in endpoint.path:
            path = re.sub(r"{(\w+)}", lambda name: filled.get(name[1], "x"), endpoint.path)
            asked += [("GET", path, None), ("GET", f"{path}?includeOutput=true", None)]
    rerun = f"/api/v2/runs/{run['run_id']}/rerun"
    asked += [("POST", rerun, None), ("POST", rerun, {"fromStep": {"stepId": "b"}}), ("POST", "/e/wrong", {})]
    asked += [
        ("POST", f"/e/{EVENT_KEY}", {"name": ""}),
        ("POST", "/fn/register", {"appName": "app", "functions": [{}]}),
    ]
    found: dict[str, str] = {}
    for method, path, body in asked:
        answer = await answer_to(it, method, path, body)
        assert isinstance(answer.body, bytes)
        found[f"{method} {path} {body}"] = f"{answer.headers} {answer.body.decode()}"
    return found


def test_no_answer_and_no_line_shows_a_key_a_password_of_an_address_or_a_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", VARIABLE)

    async def main() -> None:
        async with lab(signing_key=KEY, signing_key_fallback=FALLBACK, event_keys=(EVENT_KEY,)) as it:
            it.bearer = KEY
            it.serve("f", script)
            url = f"http://user:{PASSWORD}@app.test/api/inngest"
            runtime = {"type": "http", "url": f"{url}?fnId=app-f"}
            step = {"id": "step", "name": "step", "runtime": runtime}
            registered = {"id": "app-f", "name": "f", "triggers": [{"event": "t/f"}], "steps": {"step": step}}
            body = {"appName": "app", "url": url, "functions": [registered]}
            assert it.request("POST", "/fn/register", body).status == 200
            event = it.request("POST", f"/e/{EVENT_KEY}", {"name": "t/f", "data": {"password": HIDDEN}}).body["ids"][0]
            await it.until(lambda: any("failed" in line for line in it.lines))
            await it.time.advance(60)
            run = await it.ended(event)
            found = await answers_of(it, run)
            assert sum(run["run_id"] in answer for answer in found.values()) > 5
            secrets = {KEY, "ab" * 32, FALLBACK, "cd" * 32, EVENT_KEY, PASSWORD, VARIABLE}
            shown = {(path, secret) for path, answer in found.items() for secret in secrets if secret in answer}
            assert shown == set()
            assert [line for line in it.lines for secret in secrets if secret in line] == []
            people = [path for path in found if "/api/v2/" in path]
            assert len(people) > 20
            assert [path for path in people if HIDDEN in found[path]] == []
            # What SDKs and tests read is whole.
            whole = {path for path in found if HIDDEN in found[path]}
            assert f"GET /v1/runs/{run['run_id']} None" in whole

    asyncio.run(main())


def test_a_step_is_done_again_with_the_values_that_were_hidden_from_who_edited_it() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", script)
            event = it.send("t/f")
            await it.said("failed")
            await it.time.advance(60)
            run = await it.ended(event)
            edited = [{"password": MASK, "n": 2}]
            path = f"/api/v2/runs/{run['run_id']}/rerun"
            assert it.request("POST", path, {"fromStep": {"stepId": "a", "input": edited}}).status == 200
            await it.called(5)
            assert it.app.calls[-1].memo("a") == {"input": [{"password": HIDDEN, "n": 2}]}

    asyncio.run(main())


def test_an_engine_hides_what_it_is_told_to() -> None:
    async def main() -> None:
        async with lab(mask=("n",)) as it:
            it.serve("f", lambda call: returned({"n": 1, "password": "p"}))
            run = await it.run("t/f")
            answer = it.request("GET", f"/api/v2/runs/{run['run_id']}?includeOutput=true")
            assert answer.body["data"]["output"] == {"n": MASK, "password": "p"}

    asyncio.run(main())
