"""Frames that are cut out of what comes by hand: as a library reads and writes them, whatever pieces they come in."""

from __future__ import annotations

import random

import pytest
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side
from websockets.protocol import State as ProtocolState

from inngest_connect.frames import Splitter, binary_frame

SIZES = (0, 1, 125, 126, 127, 65_535, 65_536, 70_000)
MOST = 100_000


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_a_frame_is_read_by_the_library_as_it_was_written(size: int, masked: bool) -> None:
    message = random.Random(size).randbytes(size)  # noqa: S311 - nothing is secret here
    reader = Protocol(Side.SERVER if masked else Side.CLIENT, state=ProtocolState.OPEN)
    reader.receive_data(binary_frame(message, masked=masked))
    (frame,) = reader.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.BINARY, True, message)


def test_masks_are_not_used_again() -> None:
    """The random bytes for a thousand of them are asked of the system at once."""
    masks = {binary_frame(b"", masked=True)[2:] for _ in range(3000)}
    assert len(masks) >= 2990, "of so many, hardly any two are the same by chance"
    assert {len(mask) for mask in masks} == {4}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("longest_piece", [1, 3, 100, 70_000, 1_000_000])
def test_messages_are_found_whatever_pieces_they_come_in(longest_piece: int, masked: bool) -> None:
    chance = random.Random(longest_piece)  # noqa: S311 - nothing is secret here
    sizes = SIZES[:4] if longest_piece < 100 else SIZES
    messages = [chance.randbytes(size) for size in (*sizes, *reversed(sizes))]
    data = b"".join(Frame(Opcode.BINARY, message).serialize(mask=masked) for message in messages)
    splitter, found = Splitter(masked=masked, most=MOST), list[bytes]()
    while data:
        size = chance.randint(1, longest_piece)
        found += splitter.feed(data[:size])
        data = data[size:]
    assert found == messages
    assert (splitter.has_ended, splitter.take_rest()) == (False, b"")


OTHERS = {
    "a ping": Frame(Opcode.PING, b"x").serialize(mask=False),
    "the end": Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=False),
    "a text": Frame(Opcode.TEXT, b"text").serialize(mask=False),
    "a piece": Frame(Opcode.BINARY, b"piece", fin=False).serialize(mask=False),
    "a later piece": Frame(Opcode.CONT, b"piece").serialize(mask=False),
    "a compressed message": b"\xc2\x01x",
    "a masked message": Frame(Opcode.BINARY, b"message").serialize(mask=True),
    "too long a message": Frame(Opcode.BINARY, b"x" * (MOST + 1)).serialize(mask=False),
}


@pytest.mark.parametrize("longest_piece", [1, 7, 1_000_000])
@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_what_is_another_frame_is_left_to_the_library_from_its_first_byte_on(other: bytes, longest_piece: int) -> None:
    data = binary_frame(b"first", masked=False) + other
    splitter, found, left = Splitter(masked=False, most=MOST), list[bytes](), b""
    while data and not splitter.has_ended:
        found += splitter.feed(data[:longest_piece])
        left, data = splitter.take_rest(), data[longest_piece:]
    assert found == [b"first"]
    assert splitter.has_ended
    assert left + data == other
