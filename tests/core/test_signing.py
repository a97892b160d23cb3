"""Signing: what verifies, what never does, and that nothing but SignatureError comes out."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from typing import Any

import pytest
from hypothesis import given, strategies

from inngest_core.errors import ConfigError, HeaderMissingError, SignatureError
from inngest_core.protocol.limits import MAX_CANONICAL_BYTES, SIGNATURE_WINDOW_SECONDS
from inngest_core.protocol.signing import SigningKey, SigningKeys, sign, verify
from tests.stage.parsing import parses

HEX = "0123456789abcdef" * 4
KEY = SigningKey(f"signkey-prod-{HEX}")
OTHER = SigningKey("signkey-prod-" + "ff" * 32)
NOW = 1_795_348_336.5
JSON_VALUES = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers(-(2**53) + 1, 2**53 - 1)
    | strategies.floats(allow_nan=False, allow_infinity=False)
    | strategies.text(strategies.characters(exclude_categories=["Cs"])),
    lambda inner: (
        strategies.lists(inner, max_size=4)
        | strategies.dictionaries(strategies.text(strategies.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_the_recorded_signature() -> None:
    """From signed-raw.jsonl: an empty body signs the time alone; the key is text, not hex-decoded."""
    seconds, signature = "1795353564", "83560b894a16229c1e10437ba6e402fdbcde82ad75cd2307d1c2ce1d3dcbbf5a"
    assert hmac.new(HEX.encode(), seconds.encode(), hashlib.sha256).hexdigest() == signature
    assert sign(b"", SigningKey(HEX), now=float(seconds)) == f"t={seconds}&s={signature}"


@given(key=strategies.text(strategies.characters(codec="utf-8"), max_size=200), body=strategies.binary())
def test_the_digest_is_that_of_the_standard_library(key: str, body: bytes) -> None:
    signed = SigningKey(f"signkey-test-{key}")
    for _ in range(2):  # the prepared part of the key is used again
        assert signed.digest(body, b"17") == hmac.new(key.encode(), body + b"17", hashlib.sha256).hexdigest()


@given(body=strategies.binary(), now=strategies.floats(0, 10**11))
def test_round_trip(body: bytes, now: float) -> None:
    assert verify(body, sign(body, KEY, now=now), SigningKeys(KEY), now=now) == KEY


@given(body=strategies.binary(min_size=1), header=strategies.text(), now=strategies.floats())
def test_any_header_is_refused_with_a_signature_error(body: bytes, header: str, now: float) -> None:
    with pytest.raises(SignatureError):
        verify(body, header, SigningKeys(KEY, OTHER), now=now)


@given(
    body=strategies.binary(max_size=200),
    seconds=strategies.text("0123456789-+. ¹²٣", max_size=20),
    signature=strategies.text("0123456789abcdefABCDEFxg", min_size=60, max_size=66),
    now=strategies.floats(allow_nan=True, allow_infinity=True),
)
def test_any_header_of_nearly_the_right_form_is_refused(body: bytes, seconds: str, signature: str, now: float) -> None:
    with pytest.raises(SignatureError):
        verify(body, f"t={seconds}&s={signature}", SigningKeys(KEY), now=now)


@given(body=strategies.binary(), position=strategies.integers(0, 10**6), flipped=strategies.integers(1, 255))
def test_one_changed_byte_is_refused(body: bytes, position: int, flipped: int) -> None:
    header = sign(body, KEY, now=NOW)
    changed = bytearray(body or b"x")
    if body:
        changed[position % len(body)] ^= flipped
    with pytest.raises(SignatureError):
        verify(bytes(changed), header, SigningKeys(KEY), now=NOW)


@pytest.mark.parametrize("header", [None, ""])
def test_no_header(header: str | None) -> None:
    with pytest.raises(HeaderMissingError):
        verify(b"", header, SigningKeys(KEY), now=NOW)


@pytest.mark.parametrize("away", [-SIGNATURE_WINDOW_SECONDS, -1, 0, 1, SIGNATURE_WINDOW_SECONDS])
def test_within_the_window(away: int) -> None:
    seconds = math.floor(NOW)
    assert verify(b"x", sign(b"x", KEY, now=seconds + away), SigningKeys(KEY), now=seconds) == KEY


@pytest.mark.parametrize("away", [-(10**9), -SIGNATURE_WINDOW_SECONDS - 1, SIGNATURE_WINDOW_SECONDS + 1, 10**9])
def test_outside_the_window(away: int) -> None:
    seconds = math.floor(NOW)
    with pytest.raises(SignatureError, match="300 seconds"):
        verify(b"x", sign(b"x", KEY, now=seconds + away), SigningKeys(KEY), now=seconds)


def test_either_key_verifies_and_is_the_one_that_is_returned() -> None:
    keys = SigningKeys(KEY, OTHER)
    assert verify(b"x", sign(b"x", KEY, now=NOW), keys, now=NOW) == KEY
    assert verify(b"x", sign(b"x", OTHER, now=NOW), keys, now=NOW) == OTHER
    with pytest.raises(SignatureError, match="another signing key"):
        verify(b"x", sign(b"x", OTHER, now=NOW), SigningKeys(KEY), now=NOW)


def test_hexadecimal_digits_of_either_case() -> None:
    head, _, digits = sign(b"x", KEY, now=NOW).rpartition("=")
    assert verify(b"x", f"{head}={digits.upper()}", SigningKeys(KEY), now=NOW) == KEY


@given(value=JSON_VALUES, indent=strategies.sampled_from([None, 1, 4]), ascii_only=strategies.booleans())
def test_a_body_that_was_written_anew_verifies(value: Any, indent: int | None, ascii_only: bool) -> None:
    import rfc8785

    header = sign(rfc8785.dumps(value), KEY, now=NOW)
    anew = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert verify(anew, header, SigningKeys(OTHER, KEY), now=NOW) == KEY


def test_integers_past_the_doubles_are_signed_as_doubles() -> None:
    header = sign(b'{"n":18446744073709552000}', KEY, now=NOW)
    assert verify(b'{"n": 18446744073709551617}', header, SigningKeys(KEY), now=NOW) == KEY


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 90_000 + b"]" * 90_000,
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'"\\ud800"',
        b"\xff",
        b'{"\\udfff":1}',
    ],
    ids=["open", "deep", "nan", "infinite", "huge", "surrogate", "bytes", "key"],
)
def test_a_body_without_canonical_form_is_refused(body: bytes) -> None:
    with pytest.raises(SignatureError):
        verify(body, sign(b"x", KEY, now=NOW), SigningKeys(KEY), now=NOW)


@pytest.mark.parametrize(("size", "is_parsed"), [(MAX_CANONICAL_BYTES, True), (MAX_CANONICAL_BYTES + 1, False)])
def test_a_large_body_is_verified_as_received_only(size: int, is_parsed: bool) -> None:
    body = b'"' + b"x" * (size - 2) + b'"'
    with parses() as parsed, pytest.raises(SignatureError):
        verify(body, sign(b"x", KEY, now=NOW), SigningKeys(KEY), now=NOW)
    assert bool(parsed) is is_parsed


@pytest.mark.parametrize("header", ["t=1", sign(b"{}", KEY, now=NOW - 400), None])
def test_nothing_is_parsed_when_the_header_or_the_time_is_wrong(header: str | None) -> None:
    with parses() as parsed, pytest.raises(SignatureError):
        verify(b"{}", header, SigningKeys(KEY), now=NOW)
    assert parsed == []


def test_the_hash_and_the_bearer() -> None:
    digest = "4884fdaafea47c29fea7159d0daddd9c085d6200e1359e85bb81736af6b7c837"  # recorded
    assert SigningKey(HEX).hash() == KEY.hash() == digest
    assert SigningKey(HEX).bearer() == f"Bearer {digest}"
    assert KEY.bearer() == f"Bearer signkey-prod-{digest}"
    assert SigningKey(f"signkey-branch-{HEX}").bearer() == f"Bearer signkey-branch-{digest}"


def test_a_key_that_is_not_hexadecimal() -> None:
    key = SigningKey("signkey-prod-not hex")
    with pytest.raises(ConfigError, match="INNGEST_SIGNING_KEY") as caught:
        key.hash()
    assert "not hex" not in str(caught.value).replace("not hexadecimal", "")
    assert verify(b"x", sign(b"x", key, now=NOW), SigningKeys(key), now=NOW) == key


def test_keys_are_never_shown() -> None:
    keys = SigningKeys(KEY, OTHER)
    assert HEX not in repr(keys)
    assert "ff" * 32 not in f"{keys} {keys.key} {keys.fallback!r}"
