"""Metadata that apps report with steps: kept with the run, shown wherever a run is, and never in a step's way."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from inngest_core.protocol.wire import hash_id
from inngest_core.web.messages import Request
from inngest_devserver.http.api import API
from inngest_devserver.run_text import in_text
from inngest_devserver.storage.retention import Keep
from inngest_devserver.storage.tables import MIGRATIONS

from .harness import Called, Lab, Reply, lab, op, ops, raised, ran, returned
from .in_process import ask
from .test_checkpoints import save
from .test_fetches import Outside, reply, run_of
from .test_inference import infers
from .test_odd_values import nested, shown

TOKENS = {"request_model": "gpt-4o", "response_model": "gpt-4o-mini", "input_tokens": 1200, "output_tokens": 34}


def entry(values: Any = TOKENS, **fields: Any) -> dict[str, Any]:
    return {"kind": "inngest.ai", "scope": "step", "op": "merge", "values": values, **fields}


def told(step: str, *metadata: Any) -> dict[str, Any]:
    """Return a step that ran, with metadata."""
    return {**ran(step, "hi"), "metadata": list(metadata)}


def asks(*metadata: Any) -> Callable[[Called], Reply]:
    """Return a function of one step, which is reported with metadata."""

    def script(call: Called) -> Reply:
        return returned("done") if call.has("ask") else ops(told("ask", *metadata))

    return script


def trace_of(it: Lab, run: str) -> Mapping[str, Any]:
    root: Mapping[str, Any] = it.request("GET", f"/api/v2/runs/{run}/trace?includeOutput=true").body["data"]["rootSpan"]
    return root


def step_in(it: Lab, run: str, name: str = "ask") -> Mapping[str, Any]:
    return next(span for span in trace_of(it, run)["children"] if span["name"] == name)


def values_of(span: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by kind."""
    return {each["kind"]: each["values"] for each in span.get("metadata", [])}


async def reported(*metadata: Any) -> tuple[Mapping[str, Any], list[str]]:
    """Return the span of a step that was reported with metadata, and what the terminal said."""
    async with lab() as it:
        it.serve("f", asks(*metadata))
        run = await it.run("t/f")
        assert (run["status"], run["output"]) == ("Completed", "done")
        return step_in(it, run["run_id"]), it.lines


def test_it_is_shown_with_the_step_in_each_view() -> None:
    spans = "trace { childrenSpans { name metadata { kind scope values } } }"
    query = f"query($r: String!) {{ run(runID: $r) {{ hasAI {spans} }} }}"

    async def main() -> None:
        async with lab() as it:
            it.serve("f", asks(entry(), entry({"stars": 5, "why": "<b>good</b>"}, kind="userland.score")))
            run = (await it.run("t/f"))["run_id"]
            ai, score = step_in(it, run)["metadata"]
            assert ai == {
                "kind": "inngest.ai",
                "scope": "step",
                "updatedAt": ai["updatedAt"],
                "values": {**TOKENS, "input_tokens": "1200", "output_tokens": "34"},
            }
            assert score["values"] == {"stars": "5", "why": "<b>good</b>"}
            answer = it.request("POST", "/v0/gql", {"query": query, "variables": {"r": run}}).body["data"]["run"]
            assert answer["hasAI"] is True
            told_there = answer["trace"]["childrenSpans"][0]["metadata"]
            assert told_there == [{name: each[name] for name in ("kind", "scope", "values")} for each in (ai, score)]
            text = in_text({**it.request("GET", f"/api/v2/runs/{run}").body["data"], "trace": trace_of(it, run)})
            assert "model   gpt-4o-mini: 1,200 tokens in, 34 out" in text
            assert "models  gpt-4o-mini: 1,200 tokens in, 34 out" in text
            assert 'userland.score  {"stars": "5", "why": "<b>good</b>"}' in text
            page = await shown(it, f"/runs/{run}")
            assert "1,200 tokens in, 34 out" in page
            assert '"response_model"' in page
            document = it.request("GET", f"/api/v2/runs/{run}/export").body["data"]["document"]
            assert document["steps"][0]["metadata"][0] == {"kind": "inngest.ai", "scope": "step", "values": TOKENS}

    asyncio.run(main())


def test_totals_are_those_of_all_steps_and_models() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if call.has("two"):
                    return returned(None)
                if not call.has("one"):
                    return ops(told("one", entry()))
                return ops(told("two", entry({"request_model": "claude", "input_tokens": 1, "output_tokens": 2})))

            it.serve("f", script)
            run = (await it.run("t/f"))["run_id"]
            page = await shown(it, f"/runs/{run}")
            assert "gpt-4o-mini, claude" in page
            assert "1,201 tokens in, 36 out, 2 answers" in page

    asyncio.run(main())


def test_a_checkpoint_keeps_it_once() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                step = told("ask", entry({"input_tokens": 5}, op="add"))
                assert save(it, call, step) == 200
                assert save(it, call, step) == 200, "its answer may have been lost"
                return returned("done")

            it.serve("f", script)
            run = await it.run("t/f")
            assert values_of(step_in(it, run["run_id"])) == {"inngest.ai": {"input_tokens": "5"}}

    asyncio.run(main())


def test_attempts_of_a_step_add_up_as_they_say() -> None:
    async def main() -> None:
        async with lab() as it:
            spent = entry({"input_tokens": 5}, op="add")

            def script(call: Called) -> Reply:
                if call.has("ask"):
                    return returned("done")
                if call.ctx["attempt"] == 0:
                    return ops({**op("StepError", "ask", error={"name": "E", "message": "no"}), "metadata": [spent]})
                return ops(told("ask", spent, entry({"response_model": "m"})))

            it.serve("f", script)
            event = it.send("t/f")
            await it.called(1)
            await it.time.advance(60)
            run = await it.ended(event)
            assert values_of(step_in(it, run["run_id"])) == {
                "inngest.ai": {"input_tokens": "10", "response_model": "m"}
            }

    asyncio.run(main())


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ([("merge", {"a": 1}), ("merge", {"b": 2})], {"a": "1", "b": "2"}),
        ([("merge", {"a": 1}), ("set", {"b": 2})], {"b": "2"}),
        ([("merge", {"a": 1, "b": 2}), ("delete", {"a": None})], {"b": "2"}),
        ([("merge", {"a": 1}), ("delete", None)], None),
        ([("add", {"a": 1, "b": "x"}), ("add", {"a": 0.5, "b": "y"})], {"a": 1.5, "b": "y"}),
    ],
)
def test_changes_of_one_kind_add_up(changes: list[tuple[str, Any]], values: Any) -> None:
    span, _ = asyncio.run(reported(*(entry(given, kind="userland.x", op=change) for change, given in changes)))
    assert values_of(span).get("userland.x") == values


def test_what_is_said_of_the_run_is_shown_with_the_run() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", asks(entry({"tier": "gold"}, kind="userland.customer", scope="run")))
            run = (await it.run("t/f"))["run_id"]
            assert values_of(trace_of(it, run)) == {"userland.customer": {"tier": "gold"}}
            assert values_of(step_in(it, run)) == {}
            assert "userland.customer" in await shown(it, f"/runs/{run}")
            document = it.request("GET", f"/api/v2/runs/{run}/export").body["data"]["document"]
            assert document["metadata"][0]["values"] == {"tier": "gold"}

    asyncio.run(main())


async def kept_run(path: Path) -> str:
    """Have an engine do a run with metadata, and keep it in a file; return the id of the run."""
    async with lab(persist=path) as it:
        it.serve("f", asks(entry()))
        run_id: str = (await it.run("t/f"))["run_id"]
        return run_id


def test_it_outlives_the_engine_and_goes_with_its_run(tmp_path: Path) -> None:
    path = tmp_path / "engine.sqlite"

    async def second(run: str) -> None:
        async with lab(persist=path, keep=Keep(runs=0)) as it:
            assert values_of(step_in(it, run))["inngest.ai"]["input_tokens"] == "1200"
            it.engine.retention.prune(it.clock.now())
            assert it.engine.store.run(run) is None
            assert it.engine.store.metadata(run) == []

    run = asyncio.run(kept_run(path))
    asyncio.run(second(run))


def test_a_file_of_an_engine_that_kept_none_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "engine.sqlite"

    async def look(*runs: str) -> list[dict[str, Any]]:
        async with lab(persist=path) as it:
            return [values_of(step_in(it, each)) for each in runs]

    old = asyncio.run(kept_run(path))
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE metadata")
        file.execute(f"PRAGMA user_version = {MIGRATIONS.index(next(m for m in MIGRATIONS if 'TABLE metadata' in m))}")
        file.commit()
    new = asyncio.run(kept_run(path))
    before, after = asyncio.run(look(old, new))
    assert before == {}
    assert after["inngest.ai"]["input_tokens"] == "1200"


def test_a_rerun_from_a_step_asks_no_model_again_and_counts_no_tokens_for_it() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if not call.has("ask"):
                    return ops(told("ask", entry()))
                return returned("done") if call.has("later") else ops(ran("later"))

            it.serve("f", script)
            run = (await it.run("t/f"))["run_id"]
            again = it.request("POST", f"/api/v2/runs/{run}/rerun", {"fromStep": {"stepId": "later"}}).body["data"]
            await it.until(
                lambda: it.request("GET", f"/api/v2/runs/{again['runId']}").body["data"]["status"] == "COMPLETED"
            )
            assert "tokens in" not in await shown(it, f"/runs/{again['runId']}")
            assert values_of(step_in(it, run))["inngest.ai"]["input_tokens"] == "1200"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        ([7], "an entry is a JSON number; expected an object"),
        ([entry(kind="")], "the kind of an entry is no text of 1 to 128 characters"),
        ([entry(kind="k" * 129)], "the kind of an entry is no text of 1 to 128 characters"),
        ([entry(kind="\ud83d")], "the kind of an entry is no text of 1 to 128 characters"),
        ([entry(scope="planet")], "inngest.ai: its scope is none of run, step, step_attempt, extended_trace"),
        ([entry(op="burn")], "inngest.ai: its op is none of merge, set, delete, add"),
        ([entry([1])], "inngest.ai: values is a JSON array; expected an object"),
        ([entry({"a": nested(40)})], "inngest.ai: values is nested more than 32 levels deep"),
        ([entry({"a": "\ud83d"})], "inngest.ai: values holds half of a surrogate pair"),
        ([entry({"a": "x" * 70_000})], "inngest.ai: values has 70009 bytes; at most 64 KiB are kept for a step"),
        (
            [entry({"a": "x" * 40_000}, kind=f"userland.{name}") for name in "ab"],
            "userland.b: at most 64 KiB are kept for a step",
        ),
        ([entry({"a": 1e308}, op="add")] * 2, "inngest.ai: a sum in it is no number of JSON"),
        ([7] * 101, "only 100 entries of 101 are read; an entry is a JSON number; expected an object; "),
        ([7] * 5, "and 2 more"),
    ],
)
def test_what_cannot_be_kept_is_told_and_the_step_counts(metadata: list[Any], why: str) -> None:
    span, lines = asyncio.run(reported(*metadata))
    assert why in span["detail"]
    assert span["detail"].startswith("metadata that was not kept: ")
    assert (span["status"], span["output"]) == ("COMPLETED", {"data": "hi"})
    assert any(why in line for line in lines)


@pytest.mark.parametrize(("given", "kind"), [({"a": 1}, "object"), ("text", "string"), (7, "number")])
def test_what_is_no_list_is_told(given: Any, kind: str) -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", lambda call: returned(1) if call.has("ask") else ops({**ran("ask"), "metadata": given}))
            run = (await it.run("t/f"))["run_id"]
            assert f"it is a JSON {kind}; expected an array" in step_in(it, run)["detail"]

    asyncio.run(main())


def test_a_run_keeps_a_mebibyte_at_most() -> None:
    async def main() -> None:
        async with lab() as it:
            large = entry({"a": "x" * 60_000}, kind="userland.x")

            def script(call: Called) -> Reply:
                count = len(call.stack)
                return returned(count) if count == 20 else ops(told(f"step {count}", large))

            it.serve("f", script)
            run = (await it.run("t/f"))["run_id"]
            kept = [span["name"] for span in trace_of(it, run)["children"] if "metadata" in span]
            assert kept == [f"step {number}" for number in range(17)]
            assert "at most 1 MiB are kept for a run" in step_in(it, run, "step 17")["detail"]

    asyncio.run(main())


def test_values_with_names_of_secrets_are_masked_but_tokens_are_counted() -> None:
    secrets = {"api_key": "k-1", "input_tokens": 3, "prompt_token": "k-2"}

    async def main() -> None:
        async with lab() as it:
            it.serve("f", asks(entry(secrets), entry({"token": 12345678}, kind="userland.x")))
            run = (await it.run("t/f"))["run_id"]
            masked = {"api_key": "[masked]", "input_tokens": "3", "prompt_token": "[masked]"}
            assert values_of(step_in(it, run)) == {"inngest.ai": masked, "userland.x": {"token": "[masked]"}}
            document = it.request("GET", f"/api/v2/runs/{run}/export").body["data"]["document"]
            for text in (await shown(it, f"/runs/{run}"), json.dumps(document)):
                assert "k-1" not in text
                assert "k-2" not in text
                assert "12345678" not in text
            assert document["steps"][0]["metadata"][0]["values"]["input_tokens"] == 3
            bare = it.request("GET", f"/api/v2/runs/{run}/export?payloads=false").body["data"]["document"]
            assert bare["steps"][0]["metadata"][0]["values"]["input_tokens"] == 0

    asyncio.run(main())


def test_texts_of_apps_are_escaped_on_the_page() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", asks(entry({"response_model": "<script>1</script>", "input_tokens": 1, "output_tokens": 1})))
            run = (await it.run("t/f"))["run_id"]
            url, headers = f"http://127.0.0.1:8288/runs/{run}", {"host": "127.0.0.1:8288"}
            body = (await ask(API(it.engine), Request("GET", url, headers, b""))).body
            assert isinstance(body, bytes)
            answer = body.decode()
            assert "<script>1" not in answer
            assert "&lt;script&gt;1" in answer

    asyncio.run(main())


def test_the_answer_of_a_model_that_the_engine_asks_tells_its_tokens() -> None:
    answer = {"model": "gpt-4o-2024", "id": "r1", "usage": {"prompt_tokens": 7, "completion_tokens": 2}}

    def answers(_: httpx.Request) -> httpx.Response:
        return reply(200, json.dumps(answer).encode(), content_type="application/json")

    async def main() -> None:
        async with lab(fetcher=Outside(answers).fetcher) as it:
            it.serve("f", infers(url="https://api.openai.com/v1/chat/completions", body={"model": "gpt-4o", "seed": 4}))
            run = (await it.run("t/f"))["run_id"]
            assert values_of(step_in(it, run))["inngest.ai"] == {
                "request_model": "gpt-4o",
                "response_model": "gpt-4o-2024",
                "response_id": "r1",
                "provider": "openai",
                "operation_name": "chat",
                "latency_ms": "0",
                "input_tokens": "7",
                "output_tokens": "2",
                "total_tokens": "9",
                "seed": "4",
            }

    asyncio.run(main())


@pytest.mark.parametrize("answer", [[], {}, {"usage": 3}, {"usage": {"prompt_tokens": "many"}}, "text", None])
def test_an_answer_without_tokens_is_an_answer(answer: Any) -> None:
    async def main() -> None:
        output, _ = await run_of(Outside(lambda _: reply(200, json.dumps(answer).encode())), infers())
        assert output == {"data": answer}

    asyncio.run(main())


def test_an_app_tells_of_a_run_and_of_its_steps_by_the_api() -> None:
    async def main() -> None:
        async with lab() as it:
            it.serve("f", asks())
            run = (await it.run("t/f"))["run_id"]

            def tell(target: Any, *metadata: Any) -> Any:
                answer = it.request("POST", f"/v1/runs/{run}/metadata", {"target": target, "metadata": list(metadata)})
                return answer.status if answer.body is None else (answer.status, answer.body["error"])

            given = {"kind": "userland.foo", "op": "merge"}
            assert tell({"run_id": run}, {**given, "values": {"a": 1}}) == 200
            assert tell({"run_id": run, "step_id": "ask"}, {**given, "values": {"b": 2}}) == 200
            assert tell({"run_id": run, "step_id": hash_id("ask")}, {**given, "values": {"c": 3}}) == 200
            assert values_of(trace_of(it, run)) == {"userland.foo": {"a": "1"}}
            assert values_of(step_in(it, run)) == {"userland.foo": {"b": "2", "c": "3"}}
            assert tell({}, 7)[0] == 400
            assert tell("here", {**given, "values": {}})[0] == 400
            assert tell({"step_id": 7}, {**given, "values": {}})[0] == 400
            large = {**given, "op": "set", "values": {"a": "x" * 40_000}}
            status, said = tell({}, large, {**large, "kind": "userland.bar"})
            assert (status, said) == (
                413,
                "metadata that was not kept: userland.bar: at most 64 KiB are kept for a step",
            )
            unknown = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
            assert it.request("POST", f"/v1/runs/{unknown}/metadata", {"metadata": []}).status == 404

    asyncio.run(main())


def test_a_call_that_fails_loses_no_metadata_of_what_was_saved() -> None:
    async def main() -> None:
        async with lab() as it:

            def script(call: Called) -> Reply:
                if not call.has("ask"):
                    assert save(it, call, told("ask", entry())) == 200
                    return raised("cut off")
                return returned("done")

            it.serve("f", script)
            event = it.send("t/f")
            await it.called(1)
            await it.time.advance(60)
            run = await it.ended(event)
            assert values_of(step_in(it, run["run_id"]))["inngest.ai"]["output_tokens"] == "34"

    asyncio.run(main())
