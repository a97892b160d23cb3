"""Registers apps at a test engine: functions as what their client would send, apps of frameworks by asking them to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from inngest_core.client import Inngest
from inngest_core.error_text import headline
from inngest_core.function import Function, index_functions
from inngest_core.protocol.signing import SigningKey
from inngest_devserver.apps.registry import RegistrationInvalidError, Registry
from inngest_devserver.calls.reply import Answer

from .errors import AppError
from .frameworks import target_of
from .recording import Recorder
from .sending import InProcessSender
from .targets import BareTarget, by_client, functions_in
from .tracebacks import as_raised_by_user

__tracebackhide__ = True

_SHOWN = 500
"""Characters of an answer in a message."""


class Registration:
    """key: what requests to apps of frameworks are signed with. path: where those serve functions."""

    def __init__(
        self, registry: Registry, sender: InProcessSender, recorder: Recorder, *, key: SigningKey | None, path: str
    ) -> None:
        self._registry = registry
        self._sender = sender
        self._recorder = recorder
        self._key = key
        self._path = path
        self._bare: dict[int, tuple[BareTarget, str]] = {}

    async def add(self, app: object, *, on_demand: bool = False) -> None:
        """Register an app, or functions. on_demand: no event is to start these. Raises AppError."""
        functions = functions_in(app)
        if functions is None:
            await self._add_app(app)
            return
        for client, own in by_client(functions):
            self._add_functions(client, own, on_demand=on_demand)

    def _add_functions(self, client: Inngest, functions: Sequence[Function[Any]], *, on_demand: bool) -> None:
        """Register functions together with those of the same client that are known: an app has one registration."""
        found = self._bare.get(id(client))
        if found is None:
            found = self._bare[id(client)] = (BareTarget(client), self._sender.new_origin())
        index_functions({id(function): function for function in functions}.values())  # no id is given twice
        target, origin = found
        target.add(functions, on_demand=on_demand)
        self._sender.add(origin, target)
        for function in functions:
            self._recorder.functions.update(dict.fromkeys(function.handlers, function))
        try:
            self._registry.register(target.registration(origin + self._path))
        except RegistrationInvalidError as error:
            raise AppError("; ".join(error.details) or error.message) from None

    async def _add_app(self, app: object) -> None:
        target = target_of(app)
        origin = self._sender.new_origin()
        self._sender.add(origin, target, self._key)
        before = self._registry.registrations
        try:
            answer = await self._sender.send("PUT", origin + self._path, {}, b"{}")
        except Exception as error:
            raise AppError(
                f"{app!r} did not register: it raised {headline(error)} when it was called as an app; give functions "
                "that @client.create_function(…) returned, or an app of a framework that serves some"
            ) from as_raised_by_user(error)
        if self._registry.registrations == before:
            said, advice = _refusal(answer)
            raise AppError(
                f"the app did not register: it answered a PUT to {self._path} with {answer.status}{said}; {advice}"
            )


def _refusal(answer: Answer) -> tuple[str, str]:
    """Return what an app said that did not register, and what to change."""
    if not answer.is_from_sdk:
        text = answer.body.decode(errors="replace").strip()
        said = "" if not text or text.startswith("<") else f": {text[:_SHOWN]}"
        return f"{said}, which is no answer of inngest", (
            "serve functions there, as with inngest.flask.serve(app, client, functions), or give path= where it does"
        )
    try:
        told = json.loads(answer.body)
        said = f": {told['message']}"
    except (ValueError, KeyError, TypeError):
        said = f": {answer.body.decode(errors='replace')[:_SHOWN]}"
    return said, (
        "an app in cloud mode is tested with INNGEST_DEV=1, set before it is imported, or with signing_key= and the "
        "key that it has"
    )
