"""What a test is told when it fails, looked at for each of the five examples as a new user meets it.

Each text says what was seen, shows the run with a mark at what surprised, and says what to change.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from typing import Any

import pytest

import inngest
from inngest import testing

from .conftest import Shop

ORDER = {"order": "A1", "item": "teapot", "card": "4242"}
SHIPPED = inngest.Event(name="shop/order.shipped", data={"order": "A1"})
STUBS = {"charge card": "paid", "wait for the post": SHIPPED, "thank the customer": "thanked"}
PLACED = inngest.Event(name="shop/order.placed", data=ORDER)


def told(fails: Callable[[], object]) -> str:
    """Return all that a failure says, as pytest prints it."""
    with pytest.raises(Exception) as raised:  # which one, the text says
        fails()
    error = raised.value
    return "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ())])


def marked(text: str) -> list[str]:
    """Return the lines of the run that are marked, without their times."""
    return [re.sub(r"^> +[\d.]+ s  ", "", line) for line in text.splitlines() if line.startswith(">")]


def run(shop: Shop, **options: Any) -> testing.Result[Any]:
    given: dict[str, Any] = {"steps": STUBS, **options}
    return testing.run(shop.fulfil, ORDER, **given)


def test_a_stub_with_a_wrong_id(shop: Shop) -> None:
    text = told(lambda: run(shop, steps={**STUBS, "charge": "paid"}))
    assert text.startswith(
        'StubError: a stub was given for "charge", but no such step was met; did you mean "charge card"?'
    )
    assert 'the steps that were met: "reserve stock", "charge card", ' in text
    assert 'started by "shop/order.placed" {"card": "4242", "item": "teapot", "order": "A1"}' in text
    assert text.splitlines()[-1].startswith('  output  {"mail": "thanked", ')


def test_an_error_of_several_lines(shop: Shop) -> None:
    """Each attempt takes a line, and the lines of the error begin below each other."""
    down = OSError("the bank is down\nask it later\n\nor never")
    lines = repr(testing.run(shop.fulfil, ORDER, steps={"charge card": down}, replay=False)).splitlines()
    attempts = [line.partition("  charge card: ")[2] for line in lines if "charge card: attempt" in line]
    assert attempts[0] == "attempt 1 failed: OSError: the bank is down …"
    assert lines[-4:] == [
        '  error   step "charge card": OSError: the bank is down',
        "          ask it later",
        "          ",
        "          or never",
    ]


def test_a_wait_in_vain(shop: Shop) -> None:
    text = repr(testing.run(shop.fulfil, ORDER, steps={**STUBS, "wait for the post": testing.TIMEOUT}))
    assert "  wait for the post: timed out\n" in text
    assert "  let the customer think: done\n" in text


@pytest.mark.parametrize(
    ("stub", "said", "advice"),
    [
        ("shipped", "its stub is 'shipped'", "give an Event, its data as a dict, testing.TIMEOUT, or testing.sent_by("),
        (
            inngest.Event(name="shop/shipped", data={"order": "A1"}),
            'its stub is the event "shop/shipped"',
            'give it inngest.Event(name="shop/order.shipped", …), or only the data',
        ),
        ({"order": "B2"}, 'async.data = {"order": "B2"}', "give the stub the data that the function waits for"),
        (OSError("down"), "a wait cannot fail, but its stub raised OSError('down')", "give testing.TIMEOUT"),
    ],
)
def test_a_stub_that_does_not_fit_its_wait(shop: Shop, stub: object, said: str, advice: str) -> None:
    text = told(lambda: run(shop, steps={**STUBS, "wait for the post": stub}))
    assert text.startswith('StubError: step "wait for the post" waits')
    assert said in text
    assert advice in text
    assert marked(text)[0].startswith('wait for the post: waits for "shop/order.shipped" for 1h')


def test_a_stub_for_a_sleep(shop: Shop) -> None:
    text = told(lambda: run(shop, steps={**STUBS, "let the customer think": None}))
    assert "is a sleep, which takes no time in a test and no stub; leave the stub out" in text
    assert marked(text)[0] == "let the customer think: sleeps for 1s"


def test_a_sequence_that_is_too_short(shop: Shop) -> None:
    tries = testing.sequence(OSError("busy"), OSError("busy"))
    text = told(lambda: run(shop, steps={**STUBS, "charge card": tries}))
    assert "was tried 3 times, but its stub is a sequence of 2 outcomes; give one more, or lower the retries" in text
    assert marked(text)[:2] == [f"charge card: attempt {number} failed: OSError: busy" for number in (1, 2)]


def test_the_output_of_a_run_that_failed(shop: Shop) -> None:
    text = told(lambda: testing.run(shop.fulfil, {**ORDER, "card": "stolen"}).output)
    assert text.startswith("NonRetriableError: the bank refused the card")
    assert marked(text)[0] == "charge card: failed: the bank refused the card"


def test_wrong_data_of_the_event(shop: Shop) -> None:
    text = told(lambda: testing.run(shop.fulfil, {"order": "A1", "card": "4242"}).output)
    assert text.startswith(("KeyError: 'item'", "ValidationError: 1 validation error for Order\nitem"))
    assert 'started by "shop/order.placed" {"card": "4242", "order": "A1"}' in text
    assert marked(text)[0].startswith("attempt 1 failed: ")


def test_a_function_that_is_invoked_and_not_there(shop: Shop) -> None:
    text = told(lambda: testing.run(shop.fulfil, ORDER, steps={"wait for the post": SHIPPED}))
    assert 'step "thank the customer" invokes the function' in text
    assert 'give the step a stub, such as steps={"thank the customer": "done"}, or run both functions in' in text
    assert any(line.startswith("thank the customer: invokes") for line in marked(text))


def test_a_step_that_was_not_met(shop: Shop) -> None:
    text = told(lambda: run(shop).steps["charge"].output)
    assert text.startswith('StepNotMetError: step "charge" was not met in this run; did you mean "charge card"?')
    assert 'the steps that were met: "reserve stock", "charge card", ' in text


def test_a_run_that_takes_longer(shop: Shop) -> None:
    stubs = {"thank the customer": "thanked"}
    text = told(lambda: run(shop, steps=stubs, within=datetime.timedelta(minutes=5)))
    assert "the run did not end within 0:05:00; give wait or run more time, or a stub for what it waits for" in text
    assert marked(text)[-1].startswith(
        '> waits   step "wait for the post" waits for the event shop/order.shipped until'
    )


def test_a_run_that_is_still_waiting(shop: Shop) -> None:
    with testing.Engine(shop.app) as engine:
        (waiting,) = engine.runs_of(engine.send(PLACED))
        text = told(lambda: waiting.output)
        assert "the run has not ended, so it has no output yet; engine.wait(run) lets time pass until it has" in text
        engine.settle()
        assert 'waits   step "let the customer think" sleeps until' in repr(waiting) or "attempt 1 failed" in repr(
            waiting
        )


def test_a_fault_at_a_step_that_is_not_there(shop: Shop) -> None:
    text = told(lambda: run(shop, crash_after="charge"))
    assert 'crash_after="charge" did not happen: the app reported no result of such a step' in text
    assert 'did you mean "charge card"?' in text


def test_apps_that_are_none(shop: Shop) -> None:
    text = told(lambda: testing.Engine(shop.app, path="/wrong").__enter__())
    assert text.startswith("AppError: the app did not register: it answered a PUT to /wrong with 404")
    assert "serve functions there, as with inngest.flask.serve(app, client, functions), or give path=" in text
    assert "html" not in text
    plain: Any = test_apps_that_are_none
    assert "is not an Inngest function; give what @client.create_function" in told(lambda: testing.run(plain))
    assert "42 is not an app; give functions, or an app of a framework" in told(lambda: testing.Engine(42).__enter__())


def test_an_app_in_cloud_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    import flask

    import inngest.flask

    monkeypatch.delenv("INNGEST_DEV", raising=False)
    app = flask.Flask("app")
    inngest.flask.serve(app, inngest.Inngest(app_id="cloud"), [])
    text = told(lambda: testing.Engine(app).__enter__())
    assert "with 500: this app is in cloud mode, but has no signing key" in text
    assert "tested with INNGEST_DEV=1, set before it is imported, or with signing_key=" in text


def test_events_that_were_not_sent_as_expected(shop: Shop) -> None:
    client = shop.fulfil.client
    assert isinstance(client, inngest.Inngest)
    with testing.Sent() as sent:
        client.send_sync(PLACED)
        text = told(lambda: sent.assert_sent("shop/order.placed", data={"order": "B"}))
        assert 'the nearest "shop/order.placed" differs: data.order is "A1", not "B"' in text
        text = told(lambda: sent.assert_sent("shop/order.shipped"))
        assert 'sent were:\n  shop/order.placed  {"order": "A1", "item": "teapot", "card": "4242"}' in text
        text = told(sent.drain)
        assert "does not know what to run; give it functions or an app, or mark the test with" in text
        text = told(lambda: sent.drain(shop.app, steps={"charge": "paid"}))
        assert 'a stub was given for "charge", but no such step was met; did you mean "charge card"?' in text
        assert sent.drain(shop.app) == [], "what was drained is sent"


def test_a_side_effect_outside_of_a_step(shop: Shop) -> None:
    packed = testing.side_effect(lambda: "box", name="pack")

    def pack_at_once(ctx: inngest.ContextSync) -> str:
        ctx.step.run("reserve stock", lambda: 1)
        return packed()

    text = told(lambda: testing.run(define(shop, pack_at_once)))
    assert "pack was called outside of a step" in text
    assert 'put it in a step, as in step.run("pack", …)' in text
    assert marked(text)[-1].startswith("failed: EffectError: pack was called outside of a step")


def test_a_step_whose_id_changes(shop: Shop) -> None:
    calls: list[int] = []

    def draws(ctx: inngest.ContextSync) -> None:
        calls.append(1)
        ctx.step.run("reserve stock", lambda: 1)
        ctx.step.run(f"charge {len(calls)}", lambda: 1)

    text = told(lambda: testing.run(define(shop, draws)))
    assert 'step "charge 2" has a result from an earlier call, but was not met again' in text
    assert 'instead, the new step "charge 3" was met' in text
    assert "make it of a name and the event's data" in text
    assert marked(text)[0] == "charge 2: done"


def test_a_step_that_changes_its_kind(shop: Shop) -> None:
    calls: list[int] = []

    def changes(ctx: inngest.ContextSync) -> None:
        calls.append(1)
        if len(calls) == 1:
            ctx.step.sleep("pause", 1)
        else:
            ctx.step.run("pause", lambda: 1)

    text = told(lambda: testing.run(define(shop, changes)))
    assert 'step "pause" was met as a StepRun, but as a Sleep before' in text
    assert "give the two ids of their own" in text
    assert marked(text)[0] == "pause: sleeps for 1ms"


def define(shop: Shop, body: Callable[[inngest.ContextSync], Any]) -> inngest.Function[Any]:
    client = shop.fulfil.client
    assert isinstance(client, inngest.Inngest)
    return client.create_function(fn_id="another", trigger=inngest.TriggerEvent(event="shop/another"))(body)


def test_an_exported_run_against_changed_code(shop: Shop) -> None:
    step = {"id": "9ca77e3d8d9b", "name": "reserve", "kind": "planned", "memo": {"data": 2}}
    events = [{"name": "shop/order.placed", "data": ORDER, "id": "1", "ts": 1_700_000_000_000}]
    exported = {"format": 1, "run_id": "01J8", "status": "Completed", "events": events, "steps": [step], "output": None}
    text = told(lambda: testing.replay(shop.fulfil, {**exported, "function": shop.fulfil.id}))
    assert '> reserve: not met; the function meets step "reserve stock" there instead' in text
    assert "Keep the ids and the kinds of the steps that they may have passed" in text
    text = told(lambda: testing.replay(shop.fulfil, {**exported, "function": "shop-other"}))
    assert f"The run is one of shop-other, and the function is {shop.fulfil.id}: are the two the same?" in text
