"""What is asked of every server: the cases of the matrix, signatures, registration, sending, many calls at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace

import inngest
from tests.bad_input.served import BODY, KEY, QUERY, signature
from tests.cases.case import Call, Case, hashed
from tests.stage.case_check import Asked, check, check_common_headers
from tests.stage.engine_api import EngineDouble
from tests.targets.target import Answer, Functions, Send

from .endpoints import CLOUD_PATH, HELD, PATH, case_path, chosen_cases
from .process import Holder, Running, holder

DEV = {"x-inngest-server-kind": "dev"}


@dataclass(frozen=True, slots=True)
class Named:
    """What `check_common_headers` wants to know of a target."""

    framework: str
    name: str = ""
    path: str = PATH

    def connect(self, client: inngest.Inngest, functions: Functions) -> Send:
        raise AssertionError("it is asked over its socket")


def case_checks() -> dict[str, Callable[[Running, EngineDouble], None]]:
    """Return one check for each case, by name."""

    def make(name: str, case: Case) -> Callable[[Running, EngineDouble], None]:
        return lambda running, engine: check_case(name, case, running, engine)

    return {name: make(name, case) for name, (case, _) in chosen_cases().items()}


def check_case(name: str, case: Case, running: Running, engine: EngineDouble) -> None:
    engine.reset({key: [(each.status, each.body) for each in answers] for key, answers in case.engine.items()})
    answer = running.ask("POST", case.call.query(), case.call.body(), DEV, path=case_path(name))
    unlogged = replace(case, expect=replace(case.expect, logged=None))  # it is logged in another process
    check(unlogged, Named(running.server.framework), Asked(answer, [], list(engine.requests)))


def check_introspection(running: Running, engine: EngineDouble) -> None:
    answer = running.ask("GET")
    assert (answer.status, json.loads(answer.body)["mode"]) == (200, "dev")
    check_common_headers(answer, Named(running.server.framework))


def check_registration(running: Running, engine: EngineDouble) -> None:
    """The URL that is registered is the one that was asked."""
    engine.reset({"POST /fn/register": [(200, {"ok": True, "modified": True})]})
    answer = running.ask("PUT")
    assert (answer.status, json.loads(answer.body)["modified"]) == (200, True)
    assert engine.requests[0].json()["url"] == f"http://127.0.0.1:{running.port}{PATH}"


def check_signatures(running: Running, engine: EngineDouble) -> None:
    def ask(header: str, body: bytes = BODY) -> Answer:
        return running.ask("POST", QUERY, body, {"X-Inngest-Signature": header}, path=CLOUD_PATH)

    answer = ask(signature(BODY))
    assert (answer.status, json.loads(answer.body)) == (200, {"ran": True})
    seconds = float(answer.headers["x-inngest-signature"].partition("&")[0].removeprefix("t="))
    assert answer.headers["x-inngest-signature"] == signature(answer.body, key=KEY, seconds=seconds)
    refused = ask(signature(BODY), BODY + b" x")
    assert (refused.status, json.loads(refused.body)["code"]) == (401, "sig_verification_failed")
    refused = running.ask("POST", QUERY, BODY, path=CLOUD_PATH)
    assert (refused.status, json.loads(refused.body)["code"]) == (401, "header_missing")


def check_sending(running: Running, engine: EngineDouble) -> None:
    """Functions of both kinds send events outside of steps, again and again."""
    engine.reset({"POST /e/NO_EVENT_KEY_SET": [(200, {"ids": ["1"], "status": 200})]})
    for kind in ("sync", "async") * 2:
        assert call(running, f"sends-{kind}")["ids"] == ["1"]
    assert len(engine.requests) == 4


def check_many_at_once(running: Running, engine: EngineDouble) -> None:
    """Calls of both kinds run beside each other: none waits for the end of another."""
    kinds = ("sync", "async") * 3 if running.server.at_once else ("sync",)
    with holder() as steps, asking(running, steps, *kinds) as answers:
        held = [steps.accept() for _ in kinds]
        ended = [each.release() for each in held]
        assert all(ended)
        for answer in answers:
            expect_held(answer.result())


def call(running: Running, name: str, **data: object) -> dict[str, object]:
    """Call a function that returns an object; return that."""
    asked = Call(fn_id=f"app-{name}", event={"data": data})
    answer = running.ask("POST", asked.query(), asked.body())
    assert answer.status == 200, answer
    value: dict[str, object] = json.loads(answer.body)
    return value


def held_call(kind: str, steps: Holder) -> Call:
    return Call(fn_id=f"app-held-{kind}", event={"data": {"port": steps.port}})


@contextmanager
def asking(running: Running, steps: Holder, *kinds: str) -> Generator[list[Future[Answer]]]:
    """Call functions whose steps are held, each in a thread."""
    with ThreadPoolExecutor(len(kinds)) as pool:
        asked = [held_call(kind, steps) for kind in kinds]
        yield [pool.submit(running.ask, "POST", each.query(), each.body()) for each in asked]


def expect_held(answer: Answer) -> None:
    """Assert that the step's answer came through."""
    assert answer.status == 206, answer
    (op,) = json.loads(answer.body)
    assert (op["op"], op["id"], op["data"]) == ("StepRun", hashed("hold"), HELD)


CHECKS: dict[str, Callable[[Running, EngineDouble], None]] = {
    **case_checks(),
    "introspection": check_introspection,
    "registration": check_registration,
    "signatures": check_signatures,
    "sending": check_sending,
    "many at once": check_many_at_once,
}
