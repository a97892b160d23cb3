"""Messages that are written and read by hand: the bytes and the values are those of protobuf's runtime."""

from __future__ import annotations

import random
from typing import Any, cast

import pytest

from inngest_connect import messages
from inngest_connect.codec import FrameError, Message, derived, dump, dump_derived, parse, protobuf_class
from inngest_connect.flat import Field, Flat

KINDS: list[type[Message]] = [
    messages.ExecutorRequest,
    messages.RequestAck,
    messages.ExtendLease,
    messages.ExtendLeaseAck,
    messages.Reply,
    messages.ReplyAck,
    messages.ConnectionReady,
]
SIZES = (0, 1, 127, 128, 16_383, 16_384, 70_000)
FIELDS = [
    Field("text", 1, str, ""),
    Field("note", 2, str, None),
    Field("number", 3, int, 0),
    Field("yes", 4, bool, False),
]


def _random_message(kind: type[Message], chance: random.Random) -> Message:
    """Return one whose fields are as many as there are, or some, in all sizes."""

    def value(default: object) -> object:
        if chance.random() < 0.2:
            return default
        if isinstance(default, bool):
            return chance.random() < 0.5
        if isinstance(default, int):
            return chance.choice([0, 1, 127, 128, 300, 2**31, 2**63 - 1])
        size = chance.choice(SIZES)
        return chance.randbytes(size) if isinstance(default, bytes) else "aé漢😀"[: size % 5] * max(1, size // 4)

    return kind(**{name: value(default) for name, default in vars(kind()).items()})


def _by_protobuf(message: Message) -> bytes:
    written: bytes = protobuf_class(cast("Any", type(message)))(**vars(message)).SerializeToString()
    return written


def _read_by_protobuf(kind: type[Message], data: bytes) -> dict[str, Any] | None:
    """Return the values of the message that *data* holds; None for what is none."""
    try:
        made = protobuf_class(cast("Any", kind)).FromString(data)
    except Exception:
        return None
    missing = {name for name, default in vars(kind()).items() if default is None and not made.HasField(name)}
    return {name: None if name in missing else getattr(made, name) for name in vars(kind())}


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_a_message_is_written_and_read_as_protobuf_does(kind: type[Message]) -> None:
    chance = random.Random(kind.__name__)  # noqa: S311 - nothing is secret here
    for _ in range(40):
        message = _random_message(kind, chance)
        written = dump(message)
        assert written == _by_protobuf(message)
        assert parse(kind, written) == message


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_what_is_broken_is_read_as_protobuf_reads_it(kind: type[Message]) -> None:
    chance = random.Random(kind.__name__)  # noqa: S311 - nothing is secret here
    refused = 0
    for _ in range(500):
        data = bytearray(dump(_random_message(kind, chance))[: chance.choice([10, 50, 200, 100_000])])
        for _ in range(chance.randint(0, 3)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        expected = _read_by_protobuf(kind, bytes(data))
        if expected is None:
            refused += 1
            with pytest.raises(FrameError):
                parse(kind, bytes(data))
        else:
            assert vars(parse(kind, bytes(data))) == expected
    assert 20 < refused < 480, "some are to be refused, and some to be read"


def test_what_is_written_in_an_unusual_way_is_read() -> None:
    kind = messages.Reply
    unknown_field, twice = b"\xfa\x07\x03abc", b"\x0a\x01a\x0a\x01b"
    assert parse(kind, unknown_field + twice).request_id == "b"
    long_zero, negative = b"\x28\x80\x80\x00", b"\x28" + b"\xff" * 9 + b"\x01"
    assert (parse(kind, long_zero).status, parse(kind, negative).status) == (0, -1)
    assert parse(kind, b"\x42\x00").retry_after == "", "an empty text is not a missing one"


def test_by_hand_nothing_is_read_that_might_be_something_else() -> None:
    flat = Flat(FIELDS)
    assert flat.parse(b"\x0a\x02ab\x18\x05\x20\x01") == {"text": "ab", "note": None, "number": 5, "yes": True}
    for data in (
        b"\x0a",
        b"\x0a\x02a",
        b"\x0a\x80",
        b"\x0a\x01\xff",
        b"\x2a\x00",
        b"\x08\x01",
        b"\x18" + b"\xff" * 9 + b"\x01",
    ):
        assert flat.parse(data) is None, data
    with pytest.raises(ValueError, match="more than one byte"):
        Flat([Field("far", 16, str, "")])


def test_a_message_takes_what_another_one_has_under_the_same_names() -> None:
    request = messages.ExecutorRequest(
        request_id="1", step_id="step", lease_id="old", request_payload=b"{}", job_id="j"
    )
    assert derived(messages.RequestAck, request) == messages.RequestAck(request_id="1", step_id="step")
    extension = messages.ExtendLease(request_id="1", step_id="step", lease_id="new")
    assert derived(messages.ExtendLease, request, lease_id="new") == extension
    for kind in (messages.RequestAck, messages.ExtendLease):
        assert dump_derived(kind, request) == dump(derived(kind, request))
    assert dump_derived(messages.ExtendLease, request, lease_id="new") == dump(extension)
    with pytest.raises(TypeError, match="WorkerStatus does not have plain fields alone"):
        dump_derived(messages.WorkerStatus, request)
