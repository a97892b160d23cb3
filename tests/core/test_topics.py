"""Channels and topics: what is refused, and what fills the fields of a channel's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import inngest
from inngest.realtime import Channel, Topic

FIVE: Any = 5
users = Channel("user:{user_id}", Topic("progress", int), "log")


def test_fields_are_filled_once() -> None:
    assert users(user_id=7).name == "user:7"
    assert users(user_id="{x}").name == "user:{x}"
    assert users(user_id="{x}").filled_name() == "user:{x}"
    assert [topic.name for topic in users(user_id=7).topics] == ["progress", "log"]


@pytest.fixture
def client() -> inngest.Inngest:
    return inngest.Inngest(app_id="app", is_production=False)


REFUSED: list[tuple[Callable[[Any], object], str]] = [
    (lambda _: Topic(""), "the name of a topic is ''"),
    (lambda _: Channel(""), "the name of a channel is ''"),
    (lambda _: Channel("a{}"), "without a name"),
    (lambda _: Channel("a{x"), "not a template"),
    (lambda _: Channel("a", FIVE), "topic is 5; give its name as a text, or a Topic"),
    (lambda _: users(), "give a value to each"),
    (lambda _: users(user=1), "give a value to each"),
    (lambda _: users(user_id=""), "give a value to each"),
    (lambda client: client.realtime.subscribe("c"), "no topics are given"),
    (lambda client: client.realtime.subscribe("c", []), "is empty"),
    (lambda client: client.realtime.subscribe("c", 5), "topic is 5"),
    (lambda client: client.realtime.subscribe("c", [5]), "topic is 5"),
    (lambda client: client.realtime.subscribe(users, "log"), "call it with them"),
    (
        lambda client: client.realtime.subscribe(users(user_id=1), "news"),
        'no topic "news"; it has "progress", "log"',
    ),
    (lambda client: client.realtime.subscribe("c", "t", token=5), "token is an int"),
    (lambda client: client.realtime.subscribe_sync("c", "t", token={"jwt": "x"}), "token is a dict"),
    (lambda client: client.realtime.publish_sync(5, "t", 1), "channel is 5"),
    (lambda client: client.realtime.publish_sync("c", "t", "x" * 600_000), "over the limit of 512 KiB for one message"),
    (lambda client: client.realtime.publish_sync("c", int, 1), "topic is <class 'int'>"),
]


@pytest.mark.parametrize(("ask", "said"), REFUSED)
def test_refusals(ask: Callable[[Any], object], said: str, client: inngest.Inngest) -> None:
    with pytest.raises(inngest.InngestError) as refused:
        ask(client)
    assert said in str(refused.value)
