"""Serializers: those of the SDK and of users are given to a client."""

from __future__ import annotations

from typing import assert_type

import inngest


class Own:
    def serialize(self, obj: object, typ: object) -> object:
        return obj

    def deserialize(self, obj: object, typ: object) -> object:
        return obj


def clients() -> list[inngest.Inngest]:
    assert_type(inngest.MsgspecSerializer(), inngest.MsgspecSerializer)
    serializers: list[inngest.Serializer] = [inngest.MsgspecSerializer(), inngest.PydanticSerializer(), Own()]
    return [inngest.Inngest(app_id="typing", serializer=each) for each in serializers]
