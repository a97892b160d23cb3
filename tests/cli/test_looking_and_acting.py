"""The commands that ask an engine and make it do something, as a user and as a program run them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from inngest_cli.keys import without_keys
from tests.stage.engine_api import EngineDouble

from .commands import dev, ended, run, run_here

pytestmark = pytest.mark.live

MAIL = """
import datetime
import flask, inngest, inngest.flask

client = inngest.Inngest(app_id="mail", is_production=False)

def write(name):
    return "dear " + name

@client.create_function(
    fn_id="letter", retries=2, trigger=inngest.TriggerEvent(event="letter/wanted"),
    concurrency=[inngest.Concurrency(limit=3, key="event.data.name")], idempotency="event.data.once",
    rate_limit=inngest.RateLimit(limit=9, period=datetime.timedelta(hours=1)),
    cancel=[inngest.Cancel(event="letter/unwanted", if_exp="event.data.name == async.data.name")],
)
def letter(ctx, step):
    text = step.run("write", write, ctx.event.data["name"])
    if ctx.event.data.get("waits"):
        step.wait_for_event("stamp", event="letter/stamped", timeout=datetime.timedelta(hours=1))
    return text + "!"

@client.create_function(fn_id="lost", retries=1, trigger=inngest.TriggerCron(cron="0 3 29 2 *"))
def lost(ctx, step):
    def post():
        raise ValueError("no stamp")
    step.run("post", post)

app = flask.Flask(__name__)
inngest.flask.serve(app, client, [letter, lost])
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The engine of an app that writes letters."""
    folder = tmp_path_factory.mktemp("mail")
    (folder / "mail.py").write_text(MAIL)
    with dev("mail", "--retry-interval", "0.01", folder=folder) as running:
        origin = running.origin()
        running.until("ready:")
        yield origin


def ask(url: str, *arguments: str, code: int = 0, stdin: str = "") -> str:
    return run(*arguments, code=code, stdin=stdin, INNGEST_DEV=url)


def asked(url: str, *arguments: str) -> Any:
    code, printed = run_here(*arguments, "--json", INNGEST_DEV=url)
    assert code == 0
    return json.loads(printed)


def test_from_a_failed_run_to_its_cause_and_a_rerun(url: str) -> None:
    failed = asked_in_spite_of_failure(url)
    found = asked(url, "runs", "--function", "lost", "--status", "failed", "--since", "1h")
    assert [(one["id"], one["status"]) for one in found] == [(failed, "FAILED")]
    shown = ask(url, "runs", failed)
    assert "post: attempt 1 failed: ValueError: no stamp" in shown
    assert "  failed: ValueError: no stamp\n" in shown
    assert "in post" in shown

    again = asked(url, "rerun", failed)["runId"]
    assert asked(url, "runs", again)["rerunOf"] == failed
    assert asked(url, "runs", "--since", "2001-01-01T00:00:00Z", "--limit", "1")[0]["id"] == again
    assert ask(url, "runs", "--function", "nobody") == "no runs with --function as given\n"


def asked_in_spite_of_failure(url: str) -> str:
    done = ended("invoke", "lost", "--wait", "--json", INNGEST_DEV=url)
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert answer["status"] == "FAILED"
    assert answer["output"]["message"] == "no stamp"
    return str(answer["runId"])


def test_a_rerun_from_a_step_with_other_arguments(url: str) -> None:
    shown = ask(url, "invoke", "mail-letter", '{"name": "Ada"}', "--wait")
    assert 'started by inngest/function.invoked {"name": "Ada"}' in shown
    assert '              input   ["Ada"]\n              output  "dear Ada"\n' in shown
    assert shown.endswith('  output  "dear Ada!"\n')
    again = asked(url, "rerun", shown.split()[0], "--from-step", "write", "--input", '["Bob"]', "--wait")
    assert (again["status"], again["output"]) == ("COMPLETED", "dear Bob!")
    assert "see it with: inngest runs" in ask(url, "rerun", shown.split()[0])
    said = ask(url, "rerun", shown.split()[0], "--from-step", "wirte", code=1)
    assert "has no step 'wirte'; its steps: write" in said


def test_a_run_that_waits_says_for_what_and_can_be_cancelled(url: str) -> None:
    run_id = asked(url, "invoke", "letter", '{"name": "Cy", "once": 2, "waits": true}')["runId"]
    while not (waiting := asked(url, "runs", run_id)).get("waitsFor"):
        pass
    assert waiting["waitsFor"][0].startswith('step "stamp" waits for the event letter/stamped until ')
    assert waiting["trace"]["children"][0]["input"] == ["Cy"]
    assert 'waits   step "stamp" waits for the event' in ask(url, "runs", run_id)

    said = ask(url, "cancel", run_id, "01M81VAVFH3Q1M1WJAG82E1HVG", code=1)
    assert said == "inngest: 01M81VAVFH3Q1M1WJAG82E1HVG was not cancelled: There is no run 01M81VAVFH3Q1M1WJAG82E1HVG\n"
    assert asked(url, "runs", run_id)["status"] == "CANCELLED"


def test_the_apps_of_an_engine(url: str) -> None:
    shown = ask(url, "apps").splitlines()
    assert shown[0].startswith("mail  http://127.0.0.1:")
    assert [line.split() for line in shown if line.startswith("  l")] == [
        ["letter", "letter/wanted"],
        ["lost", "cron", "0", "3", "29", "2", "*"],
    ]
    (app,) = asked(url, "apps")
    assert app["functions"][0]["options"] == [
        "2 retries",
        "at most 3 calls at once, for each event.data.name",
        "is limited to 9 runs in 1h",
        "starts once in 24h for each event.data.once",
        "is cancelled by letter/unwanted if event.data.name == async.data.name",
    ]


def test_an_event_as_json_and_its_runs(url: str) -> None:
    event = asked(url, "send", "letter/wanted", '{"name": "Di", "once": 1}')["eventId"]
    assert [one["function"]["id"] for one in asked(url, "runs", "--event", event)] == ["letter"]


def test_what_cannot_be_found_says_what_there_is(url: str) -> None:
    assert "has no function 'mail-leter'; did you mean mail-letter?" in ask(url, "invoke", "mail-leter", code=1)
    assert "has no function 'x'; `inngest apps` lists them" in ask(url, "invoke", "x", code=1)
    unknown = "01M81VAVFH3Q1M1WJAG82E1HVG"
    assert f"there is no run {unknown}" in ask(url, "rerun", unknown, code=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runs", "x", "--status", "failed"], "--status choose among the latest runs; leave RUN_ID and --event out"),
        (["runs", "--since", "soon"], "'soon' is not a time; write how long ago, as in 90s, 2h or 1d"),
        (["runs", "--status", "done"], "invalid choice: 'done'"),
        (["rerun", "x", "--input", "[]"], "--input gives a step other arguments; say which step with --from-step"),
        (["rerun", "x", "--from-step", "a", "--input", "5"], "--input '5' is a JSON number, expected an array"),
        (["invoke", "f", "[]"], "DATA_JSON '[]' is a JSON array, expected an object"),
    ],
)
def test_wrong_options_are_told_before_an_engine_is_asked(arguments: list[str], said: str) -> None:
    assert said in run(*arguments, "--url", "http://127.0.0.1:1", code=2)


def test_another_engine_with_keys_and_without_this_ones_additions(engine: EngineDouble) -> None:
    nap = {"id": "b", "name": "nap", "stepId": "2", "stepOp": "SLEEP", "status": "RUNNING", "queuedAt": AT}
    done = {"id": "c", "name": "a", "stepId": "1", "stepOp": "RUN", "status": "COMPLETED", "queuedAt": AT}
    trace = {
        "children": [
            {"id": "a", "name": "a", "stepId": "1", "stepOp": "RUN", "status": "RUNNING", "queuedAt": AT},
            {**done, "endedAt": AT, "durationMs": "34", "output": {"data": 1}},
            nap,
            {"id": "d", "name": "executor.nonstep", "status": "FAILED", "queuedAt": AT},
        ]
    }
    row = {"id": "01RUN", "app": {"id": "shop"}, "function": {"id": "chain"}, "status": "RUNNING", "queuedAt": AT}
    engine.reset(
        {
            "GET /api/v2/runs/01RUN": [(200, {"data": row})],
            "GET /api/v2/runs/01RUN/trace": [(200, {"data": {"runId": "01RUN", "rootSpan": trace}})],
        }
    )
    shown = run("runs", "01RUN", "--signing-key", "signkey-prod-12345678", INNGEST_BASE_URL=engine.origin)
    assert shown.splitlines() == [
        "01RUN  shop-chain  running",
        "      0.00 s  a: done in 0.03 s",
        "              output  1",
        "      0.00 s  nap: sleeps",
        '  waits   step "nap" sleeps',
    ]
    assert all(one.headers["authorization"].startswith("Bearer signkey-prod-") for one in engine.requests)
    assert "12345678" not in " ".join(without_keys(["inngest", "runs", "--signing-key", "signkey-prod-12345678"]))


AT = "2026-11-27T02:47:59.383123456Z"
