"""Data that is edited in a form and given back: what was masked in it stays what it was. No browser is needed."""

from __future__ import annotations

import asyncio
import html
import json
import re
import urllib.parse
from typing import Any

import pytest

from inngest_core.web.messages import Request, Response
from inngest_devserver.http.api import API
from inngest_devserver.masking import SECRETS

from .harness import Called, Lab, Reply, lab, op, ops, returned
from .in_process import ask

SECRET = "hunter2"


async def asked(it: Lab, path: str, form: dict[str, str] | None = None) -> Response:
    body = urllib.parse.urlencode(form or {}).encode()
    headers = {"host": "127.0.0.1:8288", "content-type": "application/x-www-form-urlencoded"}
    method = "GET" if form is None else "POST"
    return await ask(API(it.engine), Request(method, f"http://127.0.0.1:8288{path}", headers, body))


async def filled_in(it: Lab, path: str, field: str = "data") -> dict[str, str]:
    """Return what the form of a page sends that has a text area: its hidden fields, and the text."""
    answer = await asked(it, path)
    assert answer.status == 200
    assert isinstance(answer.body, bytes)
    page = answer.body.decode()
    assert SECRET not in page
    (form,) = [each for each in re.findall(r"<form .*?</form>", page, re.DOTALL) if f'name="{field}"' in each]
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    (text,) = re.findall(r"<textarea[^>]*>(.*?)</textarea>", form, re.DOTALL)
    return {**hidden, field: html.unescape(text)}


def edited(text: str) -> str:
    data = json.loads(text)
    return json.dumps({**data, "n": data["n"] + 1})


@pytest.mark.parametrize("path", ["/send?like={event}", "/send?name=shop/odd", "/functions/app-odd"])
def test_a_masked_value_is_sent_as_it_was(path: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("odd", lambda call: returned(call.body["event"]["data"]), event="shop/odd")
            event = it.send("shop/odd", {"password": SECRET, "n": 1})
            await it.ended(event)
            at = path.format(event=event)
            form = await filled_in(it, at)
            target = f"{at}/invoke" if "functions" in at else "/send"
            wrong = await asked(it, target, {**form, "name": "shop/odd", "data": "{"})
            assert wrong.status == 400
            assert isinstance(wrong.body, bytes)
            assert f'name="like" value="{event}"' in wrong.body.decode()
            answer = await asked(it, target, {**form, "name": "shop/odd", "data": edited(form["data"])})
            assert answer.status == 303, answer.body
            await it.called(2)
            data: dict[str, Any] = it.app.of("odd")[-1].body["event"]["data"]
            assert {name: data[name] for name in ("password", "n")} == {"password": SECRET, "n": 2}

    asyncio.run(main())


def test_an_event_that_is_given_to_a_wait_has_what_was_masked() -> None:
    def script(call: Called) -> Reply:
        if call.has("w"):
            return returned(call.memo("w"))
        return ops(op("WaitForEvent", "w", opts={"event": "shop/paid", "timeout": "1h"}))

    async def main() -> None:
        async with lab() as it:
            it.serve("odd", script, event="shop/odd")
            it.send("shop/paid", {"token": SECRET, "n": 1})
            event = it.send("shop/odd")
            await it.said("waits for")
            run = it.runs(event)[0]["run_id"]
            form = await filled_in(it, f"/runs/{run}")
            page = await asked(it, f"/runs/{run}")
            assert isinstance(page.body, bytes)
            (action,) = set(re.findall(r'action="(/runs/\w+/steps/\w+/skip)"', page.body.decode()))
            assert (await asked(it, action, {**form, "data": edited(form["data"])})).status == 303
            ended = await it.ended(event)
            assert json.dumps(ended).count(SECRET)

    asyncio.run(main())


def test_an_event_that_is_not_kept_any_more_gives_nothing() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("odd", lambda call: returned(call.body["event"]["data"]), event="shop/odd")
            form = {"name": "shop/odd", "data": '{"password": "[masked]"}', "like": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}
            assert (await asked(it, "/send", form)).status == 303
            await it.called(1)
            assert it.app.of("odd")[0].body["event"]["data"] == {"password": "[masked]"}

    asyncio.run(main())


def test_an_export_has_no_value_of_a_field_that_is_masked() -> None:
    async def main() -> None:
        async with lab(mask=(*SECRETS, "email")) as it:
            it.serve("odd", lambda call: returned(call.body["event"]["data"]), event="shop/odd")
            run = await it.run("shop/odd", {"email": SECRET, "n": 1})
            for path in (f"/runs/{run['run_id']}/export", f"/api/v2/runs/{run['run_id']}/export"):
                answer = await asked(it, path)
                assert isinstance(answer.body, bytes)
                assert (answer.status, SECRET.encode() in answer.body) == (200, False)

    asyncio.run(main())
