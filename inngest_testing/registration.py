"""Registers apps at a test engine: functions as what their client would send, apps of frameworks by asking them to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inngest_core.client import Inngest
from inngest_core.function import Function
from inngest_core.protocol.signing import SigningKey
from inngest_devserver.apps.registry import RegistrationInvalidError, Registry

from .errors import AppError
from .frameworks import target_of
from .recording import Recorder
from .sending import InProcessSender
from .targets import BareTarget, Target, by_client, functions_in

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
            await self._add_app(target_of(app))
            return
        for client, own in by_client(functions):
            self._add_functions(client, own, on_demand=on_demand)

    def _add_functions(self, client: Inngest, functions: Sequence[Function[Any]], *, on_demand: bool) -> None:
        """Register functions together with those of the same client that are known: an app has one registration."""
        found = self._bare.get(id(client))
        if found is None:
            found = self._bare[id(client)] = (BareTarget(client), self._sender.new_origin())
        target, origin = found
        target.add(functions, on_demand=on_demand)
        self._sender.add(origin, target)
        for function in functions:
            self._recorder.functions.update(dict.fromkeys(function.handlers, function))
        try:
            self._registry.register(target.registration(origin + self._path))
        except RegistrationInvalidError as error:
            raise AppError("; ".join(error.details) or error.message) from None

    async def _add_app(self, target: Target) -> None:
        origin = self._sender.new_origin()
        self._sender.add(origin, target, self._key)
        before = self._registry.registrations
        answer = await self._sender.send("PUT", origin + self._path, {}, b"{}")
        if self._registry.registrations == before:
            text = answer.body.decode(errors="replace")[:_SHOWN]
            raise AppError(
                f"the app did not register: it answered a PUT to {self._path} with {answer.status}: {text}; "
                "give path= where it serves functions elsewhere, and signing_key= or INNGEST_DEV=1 for an app that "
                "is in cloud mode"
            )
