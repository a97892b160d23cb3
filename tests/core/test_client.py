"""The client: configuration, defining functions, sending with either driver over one flow."""

from __future__ import annotations

import asyncio
import datetime
import inspect
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from inngest_core.client import Inngest
from inngest_core.config import Mode
from inngest_core.errors import ConfigError, EventKeyMissingError, FunctionConfigError, SendEventsError
from inngest_core.events.event import Event
from inngest_core.execution.context import Context, ContextSync
from inngest_core.execution.step import Step
from inngest_core.execution.step_sync import StepSync
from inngest_core.function import Function
from inngest_core.middleware.base import Middleware
from inngest_core.options.options import TriggerEvent
from inngest_core.runtime.effects import Fetch
from inngest_core.serving.app import App
from inngest_core.values.serializer import PydanticSerializer
from tests.stage.engine_api import EngineDouble, Recorded
from tests.stage.servers import free_port

TRIGGER = TriggerEvent(event="a/b")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INNGEST_DEV", "INNGEST_EVENT_KEY", "INNGEST_SIGNING_KEY", "INNGEST_ENV", "INNGEST_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def make(**options: Any) -> Inngest:
    given: dict[str, Any] = {"app_id": "app", "is_production": False, **options}
    return Inngest(**given)


def test_properties() -> None:
    client = make(
        app_version="v9",
        env="e",
        api_base_url="https://api.example/",
        event_api_base_url="https://events.example",
        event_key="ek",
        signing_key="signkey-test-00",
        signing_key_fallback="signkey-test-01",
    )
    assert (client.app_id, client.app_version, client.env, client.is_production) == ("app", "v9", "e", False)
    assert client.mode is Mode.DEV
    assert (client.api_origin, client.event_api_origin) == ("https://api.example", "https://events.example")
    assert (client.event_key, client.signing_key, client.signing_key_fallback) == (
        "ek",
        "signkey-test-00",
        "signkey-test-01",
    )
    assert client.middleware == []
    client.add_middleware(Middleware)
    assert client.middleware == [Middleware]
    logger = logging.getLogger("mine")
    client.set_logger(logger)
    assert client.logger is logger


def test_repr_shows_the_mode_and_no_secret() -> None:
    shown = repr(make(event_key="s3cret", signing_key="s3cret"))
    assert shown == "Inngest(app_id='app', mode=dev, because: is_production=False)"


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INNGEST_DEV", "http://dev:9")
    client = Inngest(app_id="app")
    assert (client.is_production, client.api_origin, client.signing_key) == (False, "http://dev:9", None)


@pytest.mark.parametrize("app_id", ["", " ", "it's", "a\nb", "a\\b", "a\ud800", None, 5])
def test_bad_app_ids(app_id: object) -> None:
    with pytest.raises(ConfigError) as caught:
        make(app_id=app_id)
    rule = "a name without single quotes, backslashes and control characters"
    assert caught.value.message == f"app_id is {app_id!r}; give {rule}"


@pytest.mark.parametrize("name", ["request_timeout", "hook_timeout"])
@pytest.mark.parametrize("timeout", [0, -1, "5s", datetime.timedelta(seconds=-1)])
def test_bad_timeouts(name: str, timeout: Any) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}"):
        make(**{name: timeout})


def test_timeouts() -> None:
    assert make().request_timeout_seconds == 30
    assert make(request_timeout=1500).request_timeout_seconds == 1.5
    assert make(request_timeout=datetime.timedelta(seconds=2)).request_timeout_seconds == 2
    assert make().hook_timeout_seconds == 300
    assert make(hook_timeout=1500).hook_timeout_seconds == 1.5


def test_functions_of_every_form() -> None:
    client = make()

    @client.create_function(fn_id="a", trigger=TRIGGER)
    async def a(ctx: Context) -> int:
        return 1

    @client.create_function(fn_id="b", trigger=[TRIGGER])
    async def b(ctx: Context, step: Step) -> int:
        return 1

    @client.create_function(fn_id="c", trigger=TRIGGER, name="C", retries=2, output_type=int)
    def c(ctx: ContextSync) -> int:
        return 1

    @client.create_function(fn_id="d")
    def d(ctx: Context, step: StepSync) -> dict[str, int]:
        return {}

    functions: list[Function[object]] = [a, b, c, d]
    assert [(f.id, f.is_handler_async, f.handler.takes_step) for f in functions] == [
        ("app-a", True, False),
        ("app-b", True, True),
        ("app-c", False, False),
        ("app-d", False, True),
    ]
    assert (c.name, c.opts.retries, c.output_type) == ("C", 2, int)
    assert (a.triggers, b.triggers, d.triggers) == ((TRIGGER,), (TRIGGER,), ())


def one(ctx: ContextSync) -> None: ...
def other(ctx: ContextSync) -> None: ...


def place(handler: Callable[..., object]) -> str:
    """Return the file and the line of a function."""
    return f"{__file__}:{inspect.unwrap(handler).__code__.co_firstlineno}"


def twice(fn_id: str) -> str:
    return (
        f'function "{fn_id}" is defined twice, at {place(one)} and at {place(other)}; '
        "give each function its own fn_id, and list it once"
    )


def test_two_functions_of_one_id_may_be_defined() -> None:
    client = make()
    pair = [client.create_function(fn_id="a", trigger=TRIGGER)(handler) for handler in (one, other)]
    assert [function.id for function in pair] == ["app-a", "app-a"]


def test_an_app_refuses_functions_of_one_id() -> None:
    client = make()
    pair = [client.create_function(fn_id="a", trigger=TRIGGER)(handler) for handler in (one, other)]
    with pytest.raises(FunctionConfigError) as caught:
        App(client, pair, framework="test")
    assert caught.value.message == twice("app-a")


@pytest.mark.parametrize("failing_first", [True, False])
def test_an_app_refuses_a_function_with_the_id_of_a_failure_handler(failing_first: bool) -> None:
    client = make()
    failing = client.create_function(fn_id="a", trigger=TRIGGER, on_failure=one if failing_first else other)
    plain = client.create_function(fn_id="a-failure", trigger=TRIGGER)
    first, second = (failing, plain) if failing_first else (plain, failing)
    functions = [first(one), second(other)]
    with pytest.raises(FunctionConfigError) as caught:
        App(client, functions, framework="test")
    assert caught.value.message == twice("app-a-failure")


def test_an_app_factory_may_run_twice() -> None:
    client = make()

    def factory() -> App:
        @client.create_function(fn_id="a", trigger=TRIGGER)
        def only(ctx: ContextSync) -> None: ...

        return App(client, [only], framework="test")

    assert [function.id for function in (*factory().functions, *factory().functions)] == ["app-a", "app-a"]


def test_a_function_without_triggers_is_only_invoked() -> None:
    given: tuple[Any, ...] = (None, (), [])
    functions = [make().create_function(fn_id="a", trigger=trigger)(one) for trigger in given]
    assert [function.get_config("http://app/")[0]["triggers"] for function in functions] == [[], [], []]


def test_sending_needs_no_signing_key_but_an_event_key() -> None:
    cloud = make(is_production=True)
    with pytest.raises(EventKeyMissingError):
        cloud.send_sync(Event(name="a"))
    cloud.close()


def test_send_flow_takes_one_or_many() -> None:
    client = make(request_timeout=2000)
    for events in (Event(name="a"), [Event(name="a")], (Event(name="a"),)):
        flow = client.send_flow(events, seed="1,x")
        effect = next(flow)
        assert isinstance(effect, Fetch)
        assert json.loads(effect.request.body) == [{"name": "a", "data": {}}]
        assert effect.request.timeout == 2
        assert effect.request.headers["x-inngest-event-id-seed"] == "1,x"
        flow.close()


def accepted(request: Recorded) -> tuple[int, object]:
    """Answer with ids that tell where each event went."""
    return 200, {"ids": [f"{request.path}:{event['name']}" for event in request.json()], "status": 200}


def test_sending_is_sync_and_async(engine: EngineDouble) -> None:
    engine.reset({"POST /e/ek": [accepted]})
    with make(event_api_base_url=engine.origin, event_key="ek") as client:
        assert client.send_sync([Event(name="a"), Event(name="b")]) == ["/e/ek:a", "/e/ek:b"]
        assert client.send_sync(Event(name="c"), skip_middleware=True) == ["/e/ek:c"]

    async def main() -> list[str]:
        async with make(event_api_base_url=engine.origin, event_key="ek") as client:
            return await client.send(Event(name="a"))

    assert asyncio.run(main()) == ["/e/ek:a"]


def test_sending_when_no_engine_runs() -> None:
    origin = f"http://127.0.0.1:{free_port()}"
    with make(event_api_base_url=origin) as client, pytest.raises(SendEventsError) as caught:
        client.send_sync(Event(name="a"))
    message = caught.value.message
    assert message.startswith(f"no answer from {origin} to a POST: ConnectError: ")
    assert " (tried 5 times); is an engine running there? start one with `inngest dev`, " in message
    assert caught.value.ids == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"signing_key": b"signkey-test-00"}, "signing_key is a bytes; give a str"),
        ({"event_key": 7}, "event_key is an int; give a str"),
        ({"env": 7}, "env is an int; give a str"),
        ({"api_base_url": 8288}, "api_base_url is an int; give a str"),
        ({"app_version": 1.2}, "app_version is a float; give a str"),
        ({"is_production": "false"}, "is_production is 'false'; give True for cloud mode, False for dev mode"),
        ({"serializer": {}}, "serializer is a dict; give an object with the methods serialize and deserialize"),
        ({"serializer": PydanticSerializer}, "serializer is the class PydanticSerializer; give an object"),
        ({"logger": "shop"}, "logger is a str; give a logging.Logger"),
    ],
)
def test_an_option_of_another_type_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make(**options)
    assert said in caught.value.message
