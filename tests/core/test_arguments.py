"""Wrong arguments, as users give them: each message names the argument, what was given, and what to give instead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pydantic
import pytest

import inngest
from inngest_core.errors import ConfigError, FunctionConfigError
from tests.stage.one_function import request_of, serving, shown

A_MIDDLEWARE = "a middleware class, or a function (client, raw_request) that returns an instance of one"
EVENTS = "inngest.Event(name=..., data=...), what an event type makes, or a list of them"
CALL_IT = 'call it with names, also as a decorator: @client.create_function(fn_id="welcome", trigger=...)'


def client(**options: Any) -> inngest.Inngest:
    return inngest.Inngest(app_id="app", is_production=False, **options)


def define(handler: Any, **options: Any) -> inngest.Function[Any]:
    return client().create_function(fn_id="f", **options)(handler)


def plain(ctx: inngest.ContextSync) -> None: ...
async def coroutine(ctx: inngest.Context) -> None: ...
def takes_secret(secret: str) -> Any: ...


class Mailer:
    def send(self, ctx: inngest.ContextSync) -> None: ...


def factory(client: Any, raw_request: object) -> inngest.MiddlewareSync:
    return inngest.MiddlewareSync(client, raw_request)


def factory_of_any_arguments(*args: Any) -> inngest.MiddlewareSync:
    return inngest.MiddlewareSync(*args)


class NeedsSecret(inngest.MiddlewareSync):
    def __init__(self, client: inngest.Inngest, raw_request: object, secret: str) -> None:
        super().__init__(client, raw_request)
        self.secret = secret


class LooksLikeOne:
    def __init__(self, client: inngest.Inngest, raw_request: object) -> None: ...
    def before_execution(self) -> None: ...


class Order(pydantic.BaseModel):
    number: int


# --- create_function


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (plain, f"create_function was given plain without a name; {CALL_IT}"),
        (Mailer, f"create_function was given Mailer without a name; {CALL_IT}"),
        ("welcome", f"create_function was given 'welcome' without a name; {CALL_IT}"),
    ],
)
def test_create_function_takes_names_only(given: Any, said: str) -> None:
    create: Any = client().create_function
    with pytest.raises(FunctionConfigError) as caught:
        create(given)
    assert caught.value.message == said


def test_a_method_that_is_decorated_inside_its_class() -> None:
    with pytest.raises(FunctionConfigError) as caught:

        class Tasks:
            @client().create_function(fn_id="f")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake
            def task(self, ctx: inngest.ContextSync) -> None: ...

        del Tasks
    assert caught.value.message == (
        'function "app-f": the handler takes self, so it is a method, and nothing passes self to it; decorate a '
        "function outside of the class, or define it with a bound method: client.create_function(...)(instance.method)"
    )


@pytest.mark.parametrize("given", [[int], (int, str), {"id": int}, 5])
def test_an_output_type_that_is_none(given: Any) -> None:
    with pytest.raises(FunctionConfigError) as caught:
        define(plain, output_type=given)
    assert caught.value.message == (
        f'function "app-f": output_type is {given!r}; expected a type, such as Order or list[Order]'
    )


@pytest.mark.parametrize("given", [int, list[int], "Order", None, int | None, Order, type(None)])
def test_an_output_type_that_is_one(given: Any) -> None:
    assert define(plain, output_type=given).output_type == given


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Mailer, "the class Mailer; give a function, a bound method such as Mailer().method, or an instance that has"),
        (define(plain), 'the function "app-f"; give a handler that is not decorated yet'),
        (5, "an int; give a function"),
    ],
)
def test_handlers(given: Any, said: str) -> None:
    with pytest.raises(FunctionConfigError) as caught:
        define(given)
    assert caught.value.message.startswith(f'function "app-f": the handler is {said}')
    with pytest.raises(FunctionConfigError) as caught:
        define(plain, on_failure=given)
    assert caught.value.message.startswith(f'function "app-f": on_failure is {said}')


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([None], f"middleware[0] is None; {{}} {A_MIDDLEWARE}"),
        ([inngest.MiddlewareSync, "Sentry"], f"middleware[1] is 'Sentry'; {{}} {A_MIDDLEWARE}"),
        ([takes_secret], f"middleware[0] is {takes_secret!r}; {{}} {A_MIDDLEWARE}"),
        (
            (NeedsSecret,),
            f"middleware[0] is {NeedsSecret!r}; {{}} a class whose __init__ takes (client, raw_request), "
            "or an instance: NeedsSecret(...)",
        ),
        ([LooksLikeOne], f"middleware[0] is {LooksLikeOne!r}; {{}} {A_MIDDLEWARE}"),
        (
            inngest.MiddlewareSync,
            f"middleware is {inngest.MiddlewareSync!r}; {{}} a list; each item is {A_MIDDLEWARE}",
        ),
    ],
    ids=["none", "a text", "a function that takes a secret", "a class that takes one", "another class", "no list"],
)
def test_middleware(given: Any, said: str) -> None:
    with pytest.raises(FunctionConfigError) as caught:
        define(plain, middleware=given)
    assert caught.value.message == f'function "app-f": {said.format("expected")}'
    with pytest.raises(ConfigError) as of_client:
        client(middleware=given)
    assert of_client.value.message == said.format("give")


def test_middleware_that_is_added_later() -> None:
    none: Any = None
    with pytest.raises(ConfigError, match=r"^middleware\[0\] is None; give a middleware class"):
        client().add_middleware(none)


@pytest.mark.parametrize(
    "good",
    [
        inngest.MiddlewareSync,
        inngest.MiddlewareSync(None, None),
        factory,
        factory_of_any_arguments,
    ],
)
def test_middleware_in_all_its_forms(good: Any) -> None:
    assert define(plain, middleware=[good]).middleware == (good,)
    assert client(middleware=(good,)).middleware == [good]


# --- sending


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "a/b"}, f"events is a dict; give {EVENTS}"),
        ("a/b", f"events is a str; give {EVENTS}"),
        (None, f"events is None; give {EVENTS}"),
        (Order(number=1), f"events is an Order; give {EVENTS}"),
        (inngest.Event, f"events is the class Event; give {EVENTS}"),
        ([inngest.Event(name="a"), {"name": "b"}], f"events[1] is a dict; give {EVENTS}"),
        ([inngest.Event], f"events[0] is the class Event; give {EVENTS}"),
        (
            inngest.Event(name="user signed up"),
            "events[0].name is 'user signed up'; give a name without spaces, such as 'user/signed.up'",
        ),
    ],
)
def test_events_to_send(given: Any, said: str) -> None:
    with client() as sender:
        with pytest.raises(ConfigError) as caught:
            sender.send_sync(given)
        assert caught.value.message == said
        with pytest.raises(ConfigError) as caught:
            asyncio.run(sender.send(given))
        assert caught.value.message == said
    assert refused(lambda step: step.send_event("s", given)) == f'step "s": {said}'


# --- steps


def refused(use: Callable[[Any], object]) -> str:
    """Return the message with which sync and async functions refuse one use of a step tool."""

    def handler(ctx: inngest.ContextSync) -> object:
        return use(ctx.step)

    async def handler_async(ctx: inngest.Context) -> object:
        result: Any = use(ctx.step)
        return await result

    messages: set[str] = set()
    for each in (handler, handler_async):
        with serving(each) as app:
            status, body = shown(app.handle_sync(request_of()))
        assert (status, body["name"]) == (500, "ConfigError")
        messages.add(body["message"])
    assert len(messages) == 1
    return messages.pop()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            inngest.TriggerEvent(event="a/b"),
            'event is a TriggerEvent; give the name of the event, such as "user/signed.up", an event type, or a '
            "subclass of inngest.Event",
        ),
        (
            Order,
            'event is the class Order; give the name of the event, such as "user/signed.up", an event type, or a '
            "subclass of inngest.Event",
        ),
        (
            None,
            'event is None; give the name of the event, such as "user/signed.up", an event type, or a '
            "subclass of inngest.Event",
        ),
        ("", "event is ''; expected an event name of 1 to 255 characters without spaces"),
        ("a b", "event is 'a b'; expected an event name of 1 to 255 characters without spaces"),
        (
            "app/us*",
            'event is \'app/us*\'; expected a wildcard only at the end, after "/" or ".", such as "app/*" or '
            '"app/user.*"; engines accept any other, but never match an event with it',
        ),
    ],
)
def test_events_to_wait_for(given: Any, said: str) -> None:
    message = refused(lambda step: step.wait_for_event("w", event=given, timeout=1000))
    assert message == f'step "w": {said}'


@pytest.mark.parametrize("given", [5, " ", inngest.TriggerEvent(event="a")])
def test_expressions_of_waits(given: Any) -> None:
    message = refused(lambda step: step.wait_for_event("w", event="a", if_exp=given, timeout=1000))
    assert message == f'step "w": if_exp is {given!r}; give a CEL expression, or leave it out'


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (plain, "plain, which is not decorated"),
        (Mailer().send, "Mailer.send, which is not decorated"),
        ("app-f", "a str"),
        (None, "None"),
    ],
)
def test_functions_to_invoke(given: Any, what: str) -> None:
    assert refused(lambda step: step.invoke("i", function=given)) == (
        f'step "i": function is {what}; give what @client.create_function(...) made of it, or use step.invoke_by_id'
    )


def test_ids_to_invoke() -> None:
    wrong: Any = define(plain)
    for given in (wrong, "", None):
        assert refused(lambda step, given=given: step.invoke_by_id("i", function_id=given)) == (  # type: ignore[misc]
            f'step "i": function_id is {given!r}; give a text, or use step.invoke(function=...)'
        )
    assert refused(lambda step: step.invoke_by_id("i", app_id=wrong, function_id="f")) == (
        'step "i": app_id is <Function app-f>; give a text, or use step.invoke(function=...)'
    )
