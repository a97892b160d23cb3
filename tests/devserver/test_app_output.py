"""What hosted apps write: told by their process with the run, kept within bounds, shown without secrets."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from inngest_devserver import app_output
from inngest_devserver.hosting.channel import Line

from .harness import PATIENCE_SECONDS, Lab, lab
from .hosting import ASGI_APP, host_of, hosted

RUN, OTHER = "01M81VAVFH3Q1M1WJAG82E1HVG", "01M81VAVFH3Q1M1WJAG82E1HVH"


def add(it: Lab, *lines: tuple[str, str], target: str = "shop:app", app: str = "shop") -> None:
    """Let an app write lines, each with the run and the text."""
    it.engine.output.add(target, [app], [Line(it.clock.now(), "stdout", run, text) for run, text in lines])


def texts(it: Lab, query: str = "") -> list[str]:
    answer = it.request("GET", f"/api/v2/logs?{query}")
    assert answer.status == 200, answer.body
    return [line["text"] for line in answer.body["data"]]


def test_lines_are_shown_of_all_of_an_app_and_of_a_run() -> None:
    async def main() -> None:
        async with lab() as it:
            add(it, ("", "starts"), (RUN, "charges"), (OTHER, "mails"))
            add(it, ("", "other app"), target="mail:app", app="mail")
            assert texts(it) == ["starts", "charges", "mails", "other app"]
            assert texts(it, "appId=mail") == ["other app"]
            assert texts(it, f"runId={RUN}") == ["charges"]
            assert texts(it, "limit=2") == ["mails", "other app"]
            [line] = it.request("GET", f"/api/v2/logs?runId={OTHER}").body["data"]
            assert line == {
                "number": 3,
                "at": "2027-01-15T08:00:00.000000Z",
                "target": "shop:app",
                "apps": ["shop"],
                "stream": "stdout",
                "runId": OTHER,
                "text": "mails",
            }
            assert texts(it, "after=3") == ["other app"]
            assert texts(it, "after=1&limit=1") == ["charges"]
            assert texts(it, "after=4") == []
            assert len(texts(it, "after=9")) == 4, "the number is of an engine before this one"

    asyncio.run(main())


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=x", "app=shop"])
def test_what_is_asked_for_wrongly_is_refused(query: str) -> None:
    async def main() -> None:
        async with lab() as it:
            assert it.request("GET", f"/api/v2/logs?{query}").status == 400

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password=abc x", "password=[masked] x"),
        ('{"password": "a b", "n": 1}', '{"password": [masked], "n": 1}'),
        ("{'api_key': 'x y', 'n': 2}", "{'api_key': [masked], 'n': 2}"),
        ("token: abc, next", "token: [masked], next"),
        ("Authorization: Bearer abc.def", "Authorization: [masked]"),
        ("GET http://x/?token=abc&n=1", "GET http://x/?token=[masked]&n=1"),
        ("nothing to hide: 12:30", "nothing to hide: 12:30"),
    ],
)
def test_what_looks_like_a_secret_is_not_kept(text: str, shown: str) -> None:
    async def main() -> None:
        async with lab() as it:
            add(it, ("", text))
            assert texts(it) == [shown]

    asyncio.run(main())


def test_a_bounded_number_of_lines_is_kept() -> None:
    async def main() -> None:
        async with lab() as it:
            for number in range(app_output.MOST_LINES + 10):
                add(it, ("", f"line {number}"))
            lines = it.engine.output.lines(limit=app_output.MOST_LINES + 10)
            assert (len(lines), lines[0].text) == (app_output.MOST_LINES, "line 10")
            for _ in range(10):
                add(it, ("", "x" * (app_output.MOST_CHARACTERS // 4)))
            assert len(it.engine.output.lines(limit=100)) < 5

    asyncio.run(main())


WRITES = ASGI_APP.replace(
    "async def app",
    """
import logging, sys
print("imported")
print("two", end=" ")
print("parts")
sys.stderr.write("an error\\n")
sys.stdout.write("x" * 10_000 + "\\nlast\\n")
assert sys.stdout.isatty() is False
sys.stdout.flush()

async def app""",
)


@pytest.mark.live
def test_the_process_of_an_app_tells_what_it_writes(tmp_path: Path) -> None:
    async def main() -> None:
        found: list[Line] = []
        came = asyncio.Event()

        def on_output(target: str, _apps: Any, lines: list[Line]) -> None:
            assert target == "shop"
            found.extend(lines)
            came.set()

        async with hosted(host_of(tmp_path, WRITES, on_output=on_output)):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not any(line.text == "last" for line in found):
                    await came.wait()
                    came.clear()
        assert [line.text for line in found if line.stream == "stdout"][:2] == ["imported", "two parts"]
        assert [line.text for line in found if line.text.startswith("x")] == ["x" * 8192, "x" * 1808]
        assert ("stderr", "an error") in [(line.stream, line.text) for line in found]

    asyncio.run(main())
