"""Who signed a request, and whose requests are answered: by mode, method and signature."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from inngest_core.client import Inngest
from inngest_core.config import Config, load_config
from inngest_core.errors import HeaderMissingError, SignatureError
from inngest_core.protocol.limits import MAX_REQUEST_BYTES, MAX_URL, SIGNATURE_WINDOW_SECONDS
from inngest_core.protocol.signing import SigningKey, sign
from inngest_core.serving.app import App
from inngest_core.serving.authentication import STRANGER, UNSIGNED, Guard, Signer
from inngest_core.serving.options import ServeOptions
from inngest_core.web.messages import Request, Response

KEY = SigningKey("signkey-test-" + "0123456789abcdef" * 4)
FALLBACK = SigningKey("signkey-test-" + "fedcba9876543210" * 4)
OTHER = SigningKey("signkey-test-" + "00" * 32)
URL = "http://127.0.0.1:8000/api/inngest"
NOW = 1_795_348_336.5

REFUSED = "refused"
NEEDED = "needed"
IN_BAND = "PUT in band"
OUT_OF_BAND = "PUT out of band"


def config(*, cloud: bool, key: bool = True, **environ: str) -> Config:
    keys: dict[str, Any] = {"signing_key": KEY.text, "signing_key_fallback": FALLBACK.text} if key else {}
    return load_config(is_production=cloud, environ=environ, **keys)


DEV = config(cloud=False)
CLOUD = config(cloud=True)


def request(kind: str, signer: SigningKey | None, body: bytes = b"x") -> Request:
    method, _, variant = kind.partition(" ")
    headers = {"x-inngest-sync-kind": "in_band"} if variant == "in band" else {}
    if signer is not None:
        headers["x-inngest-signature"] = sign(body, signer, now=NOW)
    return Request(method, URL, headers, body)


def outcome(guard: Guard, asked: Request) -> object:
    """Return who signed the request; or that it needs a signature, or has a wrong one."""
    try:
        return guard.authenticate(asked, now=NOW)
    except HeaderMissingError:
        return NEEDED
    except SignatureError:
        return REFUSED


@pytest.mark.parametrize("takes_unsigned", [True, False])
@pytest.mark.parametrize("kind", ["GET", OUT_OF_BAND, IN_BAND, "POST", "DELETE", "HEAD"])
def test_in_cloud_mode_every_request_is_signed_but_for_registrations_out_of_band(
    kind: str, takes_unsigned: bool
) -> None:
    guard = Guard(CLOUD, takes_unsigned)
    assert outcome(guard, request(kind, KEY)) == Signer(KEY)
    assert outcome(guard, request(kind, FALLBACK)) == Signer(FALLBACK)
    assert outcome(guard, request(kind, OTHER)) == REFUSED
    free = kind == OUT_OF_BAND and takes_unsigned
    assert outcome(guard, request(kind, None)) == (UNSIGNED if free else NEEDED)


@pytest.mark.parametrize("kind", ["GET", OUT_OF_BAND, IN_BAND, "POST", "DELETE", "HEAD"])
def test_in_dev_mode_no_request_has_to_be_signed_but_a_wrong_signature_is_refused(kind: str) -> None:
    guard = Guard(DEV, takes_unsigned_registrations=False)
    assert outcome(guard, request(kind, KEY)) == Signer(KEY)
    assert outcome(guard, request(kind, None)) == UNSIGNED
    assert outcome(guard, request(kind, OTHER)) == (STRANGER if kind == "GET" else REFUSED)


def test_without_a_key_nothing_is_checked() -> None:
    guard = Guard(config(cloud=False, key=False), takes_unsigned_registrations=True)
    for signer in (None, KEY):
        assert outcome(guard, request("POST", signer)) == UNSIGNED


def test_a_registration_in_band_that_is_not_allowed_counts_as_one_out_of_band() -> None:
    guard = Guard(config(cloud=True, INNGEST_ALLOW_IN_BAND_SYNC="0"), takes_unsigned_registrations=True)
    assert outcome(guard, request(IN_BAND, None)) == UNSIGNED


def test_what_introspection_says_of_a_signer() -> None:
    assert [each.authenticated for each in (Signer(KEY), UNSIGNED, STRANGER)] == [True, None, False]


# --- refused from the headers alone


def app(*, cloud: bool = True, environ: dict[str, str] | None = None, **options: Any) -> App:
    client = Inngest(app_id="app", is_production=cloud, signing_key=KEY.text)
    client.config = load_config(is_production=cloud, signing_key=KEY.text, environ=environ or {})
    return App(client, [], framework="test", **options)


def admit(core: App, kind: str = "POST", *, url: str = URL, **headers: str) -> Response | None:
    method, _, variant = kind.partition(" ")
    given = {name.replace("_", "-"): text for name, text in headers.items()}
    return core.admit(method, url, {**given, **({"x-inngest-sync-kind": "in_band"} if variant == "in band" else {})})


def told(response: Response | None) -> tuple[int, str]:
    assert response is not None
    return response.status, json.loads(response.content)["code"]


def signature(*, seconds: float = 0, key: SigningKey = KEY) -> str:
    return sign(b"a body that nobody has seen yet", key, now=time.time() + seconds)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "header_missing"),
        ("t=1&s=0", "sig_verification_failed"),
        pytest.param(signature(seconds=-SIGNATURE_WINDOW_SECONDS - 60), "sig_verification_failed", id="old"),
        pytest.param(signature(seconds=SIGNATURE_WINDOW_SECONDS + 86_400), "sig_verification_failed", id="future"),
    ],
)
def test_a_request_without_a_well_formed_recent_signature_is_refused_before_its_body_is_read(
    header: str, code: str
) -> None:
    for kind in ("GET", "POST", IN_BAND, "DELETE"):
        assert told(admit(app(), kind, x_inngest_signature=header)) == (401, code)
        assert admit(app(cloud=False), kind, x_inngest_signature=header) is None


def test_whether_a_well_formed_signature_is_good_is_seen_with_the_body() -> None:
    for key in (KEY, OTHER):
        assert admit(app(), x_inngest_signature=signature(key=key)) is None


@pytest.mark.parametrize("announced", [str(MAX_REQUEST_BYTES + 1), "9" * 30, "9" * 5000])
@pytest.mark.parametrize("cloud", [True, False])
def test_a_body_that_announces_itself_as_too_large_is_not_read(announced: str, cloud: bool) -> None:
    core = app(cloud=cloud)
    refused = admit(core, content_length=announced, x_inngest_signature=signature())
    assert told(refused) == (413, "body_too_large")


@pytest.mark.parametrize("announced", ["", "-1", "x", "1e9", "\u0661", str(MAX_REQUEST_BYTES)])
def test_any_other_length_is_no_reason(announced: str) -> None:
    assert admit(app(), content_length=announced, x_inngest_signature=signature()) is None


def test_a_url_that_no_engine_asks_for_is_refused() -> None:
    longest = URL + "?" + "x" * (MAX_URL - len(URL) - 1)
    assert admit(app(cloud=False), url=longest) is None
    assert told(admit(app(cloud=False), url=longest + "x")) == (414, "url_too_long")


def test_a_cap_of_ones_own() -> None:
    core = app(cloud=False, body_cap=10)
    assert admit(core, content_length="10") is None
    assert told(admit(core, content_length="11")) == (413, "body_too_large")


def test_without_a_key_in_cloud_mode_nothing_is_read() -> None:
    client = Inngest(app_id="app", is_production=True)
    assert told(admit(App(client, [], framework="test"))) == (500, "signing_key_unspecified")


# --- unsigned registrations


@pytest.mark.parametrize(
    ("options", "environ", "taken"),
    [
        ({}, {}, True),
        ({"enable_unauthed_sync": None}, {"INNGEST_ENABLE_UNAUTHED_SYNC": "0"}, False),
        ({"enable_unauthed_sync": True}, {"INNGEST_ENABLE_UNAUTHED_SYNC": "0"}, True),
        ({"enable_unauthed_sync": False}, {"INNGEST_ENABLE_UNAUTHED_SYNC": "1"}, False),
        ({"enable_unauthed_sync": False}, {}, False),
    ],
)
def test_the_option_wins_over_the_variable(options: ServeOptions, environ: dict[str, str], taken: bool) -> None:
    refused = admit(app(environ=environ, **options), OUT_OF_BAND)
    assert (refused is None) == taken
    if not taken:
        assert told(refused) == (401, "header_missing")
