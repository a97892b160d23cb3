"""What a handler finds on its context."""

from __future__ import annotations

import inngest

from .case import FULL_ID, RUN_ID, Call, Case, both, returned


def fields(ctx: inngest.Context | inngest.ContextSync) -> object:
    event = ctx.event
    return {
        "attempt": ctx.attempt,
        "max_attempts": ctx.max_attempts,
        "run_id": ctx.run_id,
        "fn_id": ctx.fn_id,
        "job_id": ctx.job_id,
        "request_id": ctx.request_id,
        "event": [event.name, event.id, event.ts, event.data, event.user, event.v],
        "events": [each.data for each in ctx.events],
    }


async def fields_async(ctx: inngest.Context) -> object:
    return fields(ctx)


def extra(ctx: inngest.Context | inngest.ContextSync) -> object:
    dumped = ctx.event.model_dump()
    return {"meta": dumped["meta"], "other": dumped["other"]}


async def extra_async(ctx: inngest.Context) -> object:
    return extra(ctx)


EVENT = {"data": {"a": 1}, "id": "01X", "name": "test/go", "ts": 5, "user": {"u": 2}, "v": "3"}
EVENT_LIST = ["test/go", "01X", 5, {"a": 1}, {"u": 2}, "3"]


def shown(attempt: int, max_attempts: int | None, events: list[object]) -> dict[str, object]:
    return {
        "attempt": attempt,
        "max_attempts": max_attempts,
        "run_id": RUN_ID,
        "fn_id": FULL_ID,
        "job_id": "1q38syv0tebr1",
        "request_id": "01M81HH2CD9YAS636SGGW660JR",
        "event": EVENT_LIST,
        "events": events,
    }


all_fields = Case(
    build=both(fields, fields_async), call=Call(event=EVENT, attempt=2), expect=returned(shown(2, 4, [{"a": 1}]))
)
batch = Case(
    build=both(fields, fields_async),
    call=Call(event=EVENT, events=[EVENT, {"data": {"a": 2}}, {"data": None}]),
    expect=returned(shown(0, 4, [{"a": 1}, {"a": 2}, {}])),
)
engine_does_not_say_how_many_attempts = Case(
    build=both(fields, fields_async),
    call=Call(event=EVENT, max_attempts=None),
    expect=returned(shown(0, None, [{"a": 1}])),
)
bare_fn_id = Case(
    build=both(fields, fields_async), call=Call(fn_id="fn", event=EVENT), expect=returned(shown(0, 4, [{"a": 1}]))
)
unknown_event_keys_are_kept = Case(
    build=both(extra, extra_async),
    call=Call(event={"meta": {"sessions": {"s": "1"}}, "other": [1]}),
    expect=returned({"meta": {"sessions": {"s": "1"}}, "other": [1]}),
)
invoked_event_keeps_its_inngest_key = Case(
    build=both(fields, fields_async),
    call=Call(event={**EVENT, "data": {"a": 1, "_inngest": {"fn_id": "x"}}}),
    expect=returned(
        {
            **shown(0, 4, [{"a": 1, "_inngest": {"fn_id": "x"}}]),
            "event": ["test/go", "01X", 5, {"a": 1, "_inngest": {"fn_id": "x"}}, {"u": 2}, "3"],
        }
    ),
)
