"""What holds for every answer, whatever was asked."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any, cast

import inngest
from inngest_core.web.messages import Response
from tests.bad_input.served import signature

from .fuzzed_apps import CLOUD, OfTheUserError, Records
from .random_requests import Asked

STATUSES = frozenset({200, 206, 400, 401, 403, 405, 413, 500})
OF_THE_ENGINE = frozenset(range(400, 500))
"""A registration that the engine refused is answered with the engine's own status."""
_CODES_TO_STRANGERS = {"header_missing", "sig_verification_failed"}
_HEADER_NAME = re.compile(r"[a-z0-9-]+")
_NO_ANSWER_TO_CALLS = frozenset({"Interrupt", "AssertionError", "RecursionError"})


def check(asked: Asked, mode: str, response: Response, records: Records) -> None:
    """Assert that the answer is ours, well formed, and signed when the request was."""
    assert not records.own_errors, records.own_errors[-1]
    method = asked.request.method
    assert response.status in (STATUSES | OF_THE_ENGINE if method == "PUT" else STATUSES)
    value = _strict_json(response.content)
    refused = response.status == 401 and cast("dict[str, object]", value)["code"] in _CODES_TO_STRANGERS
    _check_headers(response, mode, to_a_stranger=refused)
    if response.status >= 400 and (method, response.status) != ("GET", 403):
        _check_error(value)
    if response.status == 206 and value is not None:
        ops: list[Any] = value
        assert ops
        assert all(isinstance(op["op"], str) and isinstance(op["id"], str) for op in ops)
    _check_signature(asked, response)
    if mode == CLOUD and asked.key is None and method == "POST":
        assert response.status == 401
    if method not in ("POST", "PUT", "GET"):
        assert response.status == (401 if _is_of_a_stranger(asked, mode) else 405)


def _is_of_a_stranger(asked: Asked, mode: str) -> bool:
    """Tell whether a request is refused before its method is looked at: badly signed, or in cloud mode not signed."""
    return asked.key is None and (mode == CLOUD or bool(asked.request.headers.get("x-inngest-signature")))


def _check_headers(response: Response, mode: str, *, to_a_stranger: bool) -> None:
    headers = response.headers
    assert headers["content-type"] == "application/json"
    assert headers["x-inngest-sdk-handled"] == "true"
    if to_a_stranger:
        assert [name for name in headers if name.startswith("x-inngest")] == ["x-inngest-sdk-handled"]
    else:
        _check_who_answers(headers, mode)
    for name, value in headers.items():
        assert (type(name), type(value)) == (str, str), name  # no enum: the servers of wsgiref insist
        assert _HEADER_NAME.fullmatch(name), name
        assert value.isascii(), value
        assert value.isprintable(), value


def _check_who_answers(headers: Mapping[str, str], mode: str) -> None:
    assert headers["x-inngest-sdk"] == f"inngest-py:v{inngest.__version__}"
    assert headers["x-inngest-req-version"] == "2"
    assert headers["x-inngest-framework"] == "fuzz"
    assert headers["x-inngest-expected-server-kind"] == mode


def _check_error(value: Any) -> None:
    assert isinstance(value, dict)
    assert isinstance(value["name"], str)
    assert isinstance(value["message"], str)
    assert value["name"] not in _NO_ANSWER_TO_CALLS, value
    assert isinstance(value["code"], str)
    assert (value["code"] == "unknown") == (value["name"] == OfTheUserError.__name__), value


def _check_signature(asked: Asked, response: Response) -> None:
    header = response.headers.get("x-inngest-signature")
    if asked.key is None:
        assert header is None
        return
    assert header is not None
    seconds = int(header.partition("&")[0].removeprefix("t="))
    assert abs(seconds - time.time()) < 60
    assert header == signature(response.content, key=asked.key, seconds=seconds)


def _strict_json(body: bytes) -> Any:
    """Return the JSON, which must be UTF-8 and free of what only Python reads."""

    def refuse(name: str) -> object:
        raise AssertionError(f"{name} is not JSON")

    try:
        return json.loads(body.decode(), parse_constant=refuse, parse_int=str)
    except RecursionError:  # the answer gives back what it was given
        return None
