"""A run as people read it: what happened when, what went in and out, and why it waits. Asks no engine.

It reads what `/api/v2` of any engine answers; what only some of them say is shown where it is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .json_parts import error_in_words, in_short, mapping, mappings, moment_of, one_line
from .model_usage import KIND, all_metadata, usage_of
from .stacks import error_of

_STACK_LINES = 20
_INTERNAL = "executor.nonstep"
"""A span of some engines that is not the work of a function."""
_WAITS = {
    "SLEEP": "sleeps",
    "WAIT_FOR_EVENT": "waits for an event",
    "WAIT_FOR_SIGNAL": "waits for a signal",
    "INVOKE": "waits for the function that it invokes",
}


def has_ended(run: Mapping[str, Any]) -> bool:
    return str(run.get("status")) in ("COMPLETED", "FAILED", "CANCELLED")


def function_of(run: Mapping[str, Any]) -> str:
    """Return the name of a run's function, `<app>-<function>`."""
    app, function = mapping(run.get("app")).get("id"), mapping(run.get("function")).get("id")
    return f"{app}-{function}" if app else str(function)


def headline(run: Mapping[str, Any]) -> str:
    """Return one line about a run, which begins with its id."""
    began, ended = run.get("startedAt") or run.get("queuedAt"), run.get("endedAt")
    took = f" in {(moment_of(ended) - moment_of(began)).total_seconds():.2f} s" if began and ended else ""
    again = f"  (again {run['rerunOf']})" if run.get("rerunOf") else ""
    return f"{run['id']}  {one_line(function_of(run))}  {str(run['status']).lower()}{took}{again}"


def in_text(run: Mapping[str, Any]) -> str:
    """Return what happened in a run, a line for each thing. run: with its `trace`."""
    trace = mapping(run.get("trace"))
    lines = [headline(run)]
    for event in mappings(mapping(trace.get("input")).get("data")):
        data = {key: value for key, value in mapping(event.get("data")).items() if key != "_inngest"}
        what = f"{event.get('name')} {in_short(data)}"
        lines.append(_line(0, f"started by {one_line(what)}"))
    start = moment_of(run.get("queuedAt")) if run.get("queuedAt") else None
    for span in steps_of(trace):
        at = span.get("startedAt") or span.get("queuedAt")
        after = (moment_of(at) - start).total_seconds() if at and start else 0
        lines += _step(span, after)
    lines += _metadata(trace, "  ")
    usage = usage_of(all_metadata(steps_of(trace)))
    lines += [f"  models  {usage}"] if usage else []
    lines += [f"  waits   {one_line(str(reason))}" for reason in run.get("waitsFor") or ()]
    lines += _end(run)
    return "\n".join(lines)


def steps_of(trace: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the spans of steps, and that of the function's own attempts if any failed.

    Some engines show a step several times, once for each message that they had about it: the last that ended counts.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for span in mappings(trace.get("children")):
        key = str(span.get("stepId") or span.get("id"))
        failed = [one for one in mappings(span.get("children")) if one.get("status") == "FAILED"]
        if span.get("name") == _INTERNAL or (not span.get("stepId") and not failed):
            continue
        known = found.get(key)
        if known is None or span.get("endedAt") or not known.get("endedAt"):
            found[key] = {**span, "children": failed}
    return list(found.values())


def why_it_waits(run: Mapping[str, Any], trace: Mapping[str, Any]) -> list[str]:
    """Return what a run waits for as far as its trace shows it, for engines that do not say it."""
    if has_ended(run):
        return []
    waiting = [one for one in steps_of(trace) if not one.get("endedAt") and one.get("stepOp") in _WAITS]
    return [f'step "{one.get("name")}" {_WAITS[str(one["stepOp"])]}' for one in waiting]


def _step(span: Mapping[str, Any], after: float) -> Iterator[str]:
    name = one_line(str(span.get("name"))) if span.get("stepId") else "the function"
    for number, attempt in enumerate(mappings(span.get("children")), start=1):
        said = str(attempt.get("detail") or f"attempt {number} failed: {error_in_words(attempt.get('output'))}")
        yield _line(after, f"{name}: {one_line(said)}")
    if not span.get("stepId"):
        return
    yield _line(after, f"{name}: {_state(span)}")
    if span.get("input") is not None:
        yield f"{_INDENT}input   {in_short(span['input'])}"
    if span.get("status") == "COMPLETED" and _output(span) is not None:
        yield f"{_INDENT}output  {in_short(_output(span))}"
    if usage := usage_of(all_metadata([span])):
        yield f"{_INDENT}model   {usage}"
    yield from _metadata(span, _INDENT)


def _metadata(span: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield what apps tell of a step, or of a run, that is not about models."""
    for each in all_metadata([span]):
        if each.get("kind") not in _NOT_OF_APPS:
            yield f"{indent}{one_line(str(each.get('kind')))}  {in_short(each.get('values'))}"


def _state(span: Mapping[str, Any]) -> str:
    status, detail = str(span.get("status")), one_line(str(span.get("detail") or ""))
    took = f" in {float(span['durationMs']) / 1000:.2f} s" if span.get("durationMs") else ""
    if status == "FAILED":
        return f"failed{took}: {error_in_words(span.get('output'))}".removesuffix(": ")
    if status in ("COMPLETED", "CANCELLED"):
        word = "done" if status == "COMPLETED" else "cancelled"
        return f"{detail}; {word}{took}" if detail else f"{word}{took}"
    return detail or _WAITS.get(str(span.get("stepOp")), "runs")


def _output(span: Mapping[str, Any]) -> Any:
    value = span.get("output")
    wrapped = mapping(value)
    return wrapped["data"] if list(wrapped) == ["data"] else value


def _end(run: Mapping[str, Any]) -> Sequence[str]:
    status, output = run.get("status"), run.get("output")
    if status == "COMPLETED":
        return [f"  output  {in_short(output)}"]
    if status != "FAILED":
        return []
    stack = str(mapping(output).get("stack") or "").rstrip().splitlines()
    cut = ["..."] if len(stack) > _STACK_LINES else []
    shown = [one_line(line) for line in (*cut, *stack[-_STACK_LINES:])]
    shown += _causes(output)
    return [f"  failed: {error_in_words(output) or in_short(output)}", *(f"    {line}" for line in shown)]


def _causes(output: object) -> Iterator[str]:
    """Return from which errors the one of a run was raised, each with the place in the user's code."""
    error = error_of(output)
    for cause in error.causes if error else ():
        place = f" at {cause.nearest[-1].file}:{cause.nearest[-1].line}" if cause.nearest else ""
        yield one_line(f"caused by {cause.name}{place}: {cause.message[:_LONGEST_CAUSE]}")


_LONGEST_CAUSE = 500
_INDENT = " " * 14
_NOT_OF_APPS = (KIND, "inngest.timing", "inngest.usage")
"""Kinds of metadata that are shown otherwise, or that engines add about themselves."""


def _line(seconds: float, text: str) -> str:
    return f"  {max(seconds, 0):8.2f} s  {text}"
