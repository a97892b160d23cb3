"""Arguments of other kinds than those asked for: each is refused by a ConfigError that names it and what to give."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable
from typing import Any

import pytest

import inngest
import inngest.experimental
import inngest.experimental.realtime
from inngest.realtime import Channel, Topic
from inngest_core.errors import ConfigError

NONE: Any = None
ODD: dict[str, Any] = {"mode": "fast", "kind": int, "v": 5}
Meet = Callable[[inngest.ContextSync], object]
HALF = "caf\ud800"
"""Half of a surrogate pair: Python has such texts, UTF-8 does not."""
EVENT = inngest.Event(name="test/go")
CALL_INPUT = inngest.CallInput(event=EVENT)


def client() -> inngest.Inngest:
    return inngest.Inngest(app_id="app", is_production=False)


def said_by(act: Callable[[], object]) -> str:
    with pytest.raises(ConfigError) as caught:
        act()
    return caught.value.message


# --- options


@pytest.mark.parametrize(
    ("args", "given", "said"),
    [
        (["2"], {}, "Checkpointing was given '2' without a name; give names: Checkpointing(buffered_steps=...)"),
        ([], {"buffered_steps": "2"}, "Checkpointing: buffered_steps is '2'; expected a whole number"),
        ([], {"buffered_steps": True}, "Checkpointing: buffered_steps is True; expected a whole number"),
        ([], {"max_runtime": 1.5}, "Checkpointing: max_runtime is 1.5; expected a whole number or a timedelta"),
        ([], {"batch": 1}, "Checkpointing: it has no batch; it has buffered_steps, max_interval, max_runtime"),
        (
            [],
            {"buffered_steps": None, "max_interval": "1s"},
            "Checkpointing: buffered_steps is None; expected a whole number; max_interval is '1s'; expected a whole "
            "number or a timedelta",
        ),
    ],
)
def test_checkpointing(args: list[Any], given: dict[str, Any], said: str) -> None:
    assert said_by(lambda: inngest.Checkpointing(*args, **given)) == said


def test_what_is_missing_and_what_is_one_of_a_few() -> None:
    make: Any = inngest.Throttle
    assert said_by(lambda: make(limit=1)) == "Throttle: period is missing"
    make = inngest.Singleton
    assert said_by(lambda: make(mode="stop")) == "Singleton: mode is 'stop'; expected 'skip' or 'cancel'"
    make = inngest.ConcurrencyLimits
    assert said_by(lambda: make(step=[{"limit": 1, "scope": "moon"}])) == (
        "Concurrency: scope is 'moon'; expected 'account', 'env' or 'fn'"
    )


@pytest.mark.parametrize("given", ["on", 1, inngest.Checkpointing(buffered_steps=0), inngest.Checkpointing])
def test_checkpointing_of_clients_and_functions(given: Any) -> None:
    assert "checkpointing" in said_by(lambda: inngest.Inngest(app_id="a", is_production=False, checkpointing=given))
    decorate = client().create_function(fn_id="f", checkpointing=given)
    assert 'function "app-f": checkpointing' in said_by(lambda: decorate(ordinary))


def ordinary(ctx: inngest.ContextSync) -> None: ...


# --- functions by hand


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((None, CALL_INPUT), "client is None; give the client that the function was defined with"),
        ((CALL_INPUT, client()), "client is a CallInput; give the client that the function was defined with"),
        ((inngest.Inngest, CALL_INPUT), "client is the class Inngest; give the client that"),
        ((client(), EVENT), "ctx is an Event; give inngest.CallInput(event=...), or the context of a function"),
        ((client(), inngest.CallInput), "ctx is the class CallInput; give inngest.CallInput(event=...)"),
        ((client(), inngest.CallInput(event=NONE)), "CallInput.event is None; give inngest.Event(name=..., data=...)"),
        ((client(), inngest.CallInput(event=EVENT, events=NONE)), "CallInput.events is None; give a list of inngest."),
        ((client(), inngest.CallInput(event=EVENT, attempt=-1)), "CallInput.attempt is -1; give a whole number of 0"),
        ((client(), inngest.CallInput(event=EVENT, stack="ab")), "CallInput.stack is 'ab'; give a list of hashed ids"),
        ((client(), inngest.CallInput(event=EVENT, steps=NONE)), "CallInput.steps is None; give a dict of the memos"),
        (
            (client(), inngest.CallInput(event=EVENT, steps={NONE: 1})),
            "CallInput.steps has the key None; give the",
        ),
        ((client(), CALL_INPUT, None, 5), "middleware is 5; give a list; each item is a middleware class"),
        ((client(), CALL_INPUT, None, [5]), "middleware[0] is 5; give a middleware class"),
    ],
)
def test_functions_by_hand(args: Any, said: str) -> None:
    function = client().create_function(fn_id="f", trigger=inngest.TriggerEvent(event="test/go"))(ordinary)
    assert said_by(lambda: function.call_sync(*args)).startswith(said)
    assert said_by(lambda: asyncio.run(function.call(*args))).startswith(said)


# --- steps, in a function that is called by hand


def step_says(meet: Meet) -> str:
    with client() as made:

        def body(ctx: inngest.ContextSync) -> None:
            meet(ctx)

        function = made.create_function(fn_id="f", trigger=inngest.TriggerEvent(event="test/go"))(body)
        error = function.call_sync(made, CALL_INPUT).error
    assert isinstance(error, ConfigError), error
    return error.message


SOON = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
openai = inngest.ai.openai.Adapter(auth_key="k", model="m")


BY_STEP_ID: list[Meet] = [
    lambda ctx: ctx.step.run(HALF, int),
    lambda ctx: ctx.step.sleep(HALF, 1),
    lambda ctx: ctx.step.sleep_until(HALF, SOON),
    lambda ctx: ctx.step.wait_for_event(HALF, event="a", timeout=1),
    lambda ctx: ctx.step.wait_for_signal(HALF, signal="a", timeout=1),
    lambda ctx: ctx.step.invoke_by_id(HALF, function_id="a"),
    lambda ctx: ctx.step.send_event(HALF, EVENT),
    lambda ctx: ctx.step.send_signal(HALF, signal="a"),
    lambda ctx: ctx.step.fetch(HALF, "http://localhost"),
    lambda ctx: ctx.step.ai.infer(HALF, adapter=openai, body={}),
    lambda ctx: ctx.step.ai.wrap(HALF, int),
    lambda ctx: ctx.step.realtime.publish(HALF, "channel", "topic", 1),
]


@pytest.mark.parametrize("meet", BY_STEP_ID)
def test_a_step_id_that_utf_8_cannot_hold(meet: Meet) -> None:
    assert step_says(meet).startswith(r"a step id is 'caf\ud800', which holds half a character; give a text")


class Broken:
    def auth_key(self) -> Any:
        return "k"

    def format(self) -> Any:
        return "openai-chat"

    def headers(self) -> Any:
        return ["x"]

    def on_call(self, body: object) -> None: ...
    def url_infer(self) -> Any:
        return "http://localhost"


class BrokenURL(Broken):
    def url_infer(self) -> Any:
        return b"http://localhost"


def fetch(**options: Any) -> Meet:
    return lambda ctx: ctx.step.fetch("f", options.pop("url", "http://localhost"), **options)


REFUSED: list[tuple[Meet, str]] = [
    (fetch(url="http://localhost:99999"), "step \"f\": url is 'http://localhost:99999'; give an absolute one"),
    (fetch(url="http://localhost:0", offload=False), "step \"f\": url is 'http://localhost:0'; give an absolute"),
    (fetch(offload="no"), "step \"f\": offload is 'no'; give True or False"),
    (fetch(params=b"a=1"), "step \"f\": params is b'a=1'; give a text, a dict, or a list of pairs"),
    (lambda ctx: ctx.step.invoke_by_id("i", function_id="f", v=ODD["v"]), 'step "i": v is 5; give the version'),
    (lambda ctx: ctx.step.send_signal("s", signal=HALF), "step \"s\": signal is 'caf\\ud800'; give the name of"),
    (lambda ctx: ctx.step.realtime.publish("p", HALF, "t", 1), r"channel is 'caf\ud800'; give a text"),
    (lambda ctx: ctx.step.realtime.publish("p", "c", HALF, 1), r"topic is 'caf\ud800'; give its name as a text"),
    (lambda ctx: ctx.group.parallel([lambda: 1], ODD["mode"]), "parallel_mode is 'fast'; give ParallelMode.WAIT"),
    (lambda ctx: inngest.current(ODD["kind"]), "kind is <class 'int'>; give inngest.Context or inngest."),
    (
        lambda ctx: ctx.step.ai.infer("a", adapter=Broken(), body={}),
        'step "a": headers() of the adapter returned a list; return a dict of texts',
    ),
    (
        lambda ctx: ctx.step.ai.infer("a", adapter=BrokenURL(), body={}),
        'step "a": url_infer() of the adapter returned a bytes; return a text',
    ),
]


@pytest.mark.parametrize(("meet", "said"), REFUSED)
def test_steps(meet: Meet, said: str) -> None:
    assert step_says(meet).startswith(said)


# --- the official names


@pytest.mark.parametrize("given", [None, 5, inngest.StepSync, client()])
def test_set_step_context(given: Any) -> None:
    def act() -> None:
        with inngest.experimental.set_step_context(given):
            raise AssertionError("it was taken")

    assert said_by(act).endswith("; give the step tools of a function: ctx.step")


def test_the_step_decorator() -> None:
    assert said_by(lambda: inngest.experimental.step("")).startswith("a step id is empty")
    assert said_by(lambda: inngest.experimental.step("s")(NONE)) == 'step "s" decorates None; give a function'


@pytest.mark.parametrize(("given", "kind"), [("channel", "a str"), (None, "None")])
def test_realtime_functions_take_the_client_first(given: Any, kind: str) -> None:
    realtime = inngest.experimental.realtime
    said = f"client is {kind}; give the inngest.Inngest(...) client first, then the"
    assert said_by(lambda: realtime.publish_sync(given, NONE, "topic", 1)).startswith(said)
    assert said_by(lambda: asyncio.run(realtime.publish(given, NONE, "topic", 1))).startswith(said)
    assert said_by(lambda: realtime.get_subscription_token_sync(given, NONE, ["topic"])).startswith(said)
    assert said_by(lambda: asyncio.run(realtime.get_subscription_token(given, NONE, ["topic"]))).startswith(said)


# --- realtime and AI


def test_channels_and_subscriptions() -> None:
    assert said_by(lambda: Channel("c:{a!r}")).startswith("channel 'c:{a!r}' has a field with a format")
    assert said_by(lambda: Channel("c:{a:d}")).startswith("channel 'c:{a:d}' has a field with a format")
    assert said_by(lambda: Topic(HALF)).startswith(r"the name of a topic is 'caf\ud800'")
    realtime = client().realtime
    assert said_by(lambda: realtime.subscribe_sync("c", "t", token="")).startswith("token is empty; give what get_")
    assert said_by(lambda: realtime.subscribe("c", "t", streams=NONE)) == "streams is None; give True or False"


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "grok", "deepseek"])
@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (5, "an int"),
        (b"http://localhost", "a bytes"),
        ("localhost:11434", "'localhost:11434'"),
        ("ftp://localhost", "'ftp://localhost'"),
        ("http://localhost:99999", "'http://localhost:99999'"),
        ("http://local host", "'http://local host'"),
        ("http://", "'http://'"),
        ("http://[", "'http://['"),
    ],
)
def test_where_an_ai_provider_is(provider: str, given: Any, shown: str) -> None:
    adapter: Any = getattr(inngest.ai, provider).Adapter
    said = f"base_url is {shown}; give a URL such as https://api.example.com/v1"
    assert said_by(lambda: adapter(auth_key="k", model="m", base_url=given)) == said


def test_what_ai_adapters_do_not_show() -> None:
    adapter: Any = inngest.ai.openai.Adapter
    assert said_by(lambda: adapter(auth_key=b"secret", model="m")) == "auth_key is a bytes; give a text"
    assert (
        said_by(lambda: adapter(auth_key=HALF, model="m")) == "auth_key is a text that UTF-8 cannot hold; give a text"
    )
    assert said_by(lambda: inngest.ai.anthropic.Adapter(auth_key="k", model="m", betas="abc")) == (
        "betas is 'abc'; give a list of the names of beta features"
    )
