"""Server-sent events: the same however the bytes come, and bounded."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inngest_core.realtime.sse import MAX_EVENT_BYTES, EventParser


@pytest.mark.parametrize(
    ("content", "events"),
    [
        (b":\n\n", []),
        (b"data: a\n\n", [b"a"]),
        (b"data:a\r\n\r\n", [b"a"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data:  a\n\n", [b" a"]),
        (b"data\n\n", []),
        (b"event: x\nid: 1\nretry: 5\ndata: a\n: note\n\n", [b"a"]),
        (b"data: a\n", []),
        (b"\n\n\n", []),
        (b"nonsense\n\ndata: a\n\n", [b"a"]),
        (b"\xff\xfe\n\ndata: \xff\n\n", [b"\xff"]),
    ],
)
def test_events(content: bytes, events: list[bytes]) -> None:
    assert EventParser().feed(content) == events


LINES = st.sampled_from([b"data: a", b"data:b", b"data: ", b": ", b"event: x", b"", b"", b"junk"])
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@given(st.lists(st.tuples(LINES, ENDS)), st.lists(st.integers(0, 200)))
def test_the_pieces_do_not_matter(lines: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    content = b"".join(line + end for line, end in lines)
    whole, pieces = EventParser(), EventParser()
    wanted = whole.feed(content)
    at = [0, *sorted(cut for cut in cuts if cut < len(content)), len(content)]
    found = [event for start, end in itertools.pairwise(at) for event in pieces.feed(content[start:end])]
    assert found == wanted


def test_a_line_end_in_two_pieces_with_nothing_between() -> None:
    parser = EventParser()
    assert [parser.feed(piece) for piece in (b"data: a\r", b"", b"\ndata: b\r", b"\n", b"\r\n")] == [
        [],
        [],
        [],
        [],
        [b"a\nb"],
    ]


def test_what_is_too_large_is_left_out_and_takes_no_memory() -> None:
    parser = EventParser()
    piece = b"data: " + b"x" * 100_000 + b"\n"
    for _ in range(MAX_EVENT_BYTES // len(piece) + 2):
        assert parser.feed(piece) == []
    assert parser.feed(b"\n") == []
    assert parser.left_out == 1
    endless = b"x" * (MAX_EVENT_BYTES + 1)
    assert parser.feed(endless) == []
    assert parser.feed(endless) == []
    assert parser.feed(b"\n\ndata: a\n\n") == [b"a"]
    assert parser.left_out == 2
