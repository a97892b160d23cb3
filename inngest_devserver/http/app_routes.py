"""Routes about apps and about the engine itself: registration, functions, health."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inngest_core.protocol.wire import VERSION, Header, parse_object
from inngest_core.web.messages import Response
from inngest_devserver import ids
from inngest_devserver.apps.functions import Function
from inngest_devserver.apps.registry import Registered, RegistrationInvalidError
from inngest_devserver.calls.requests import without_password
from inngest_devserver.engine import Engine
from inngest_devserver.scheduling.clock import iso
from inngest_devserver.storage.tables import AppRow

from .access import Access, Need
from .answers import NO_ACCOUNT, APIError, Call, json_response

_NEVER = "0001-01-01T00:00:00Z"
_MOST_REFUSALS = 100


class AppRoutes:
    def __init__(self, engine: Engine, access: Access | None = None) -> None:
        self._engine = engine
        self._access = access or Access(keys=engine.signing_keys)
        self._refusals: set[str] = set()
        """What was said of registrations since one was taken."""

    def register(self, call: Call) -> Response:
        """Take in an app's functions, all or none."""
        kind = self._engine.options.server_kind
        expected = call.request.headers.get(Header.EXPECTED_SERVER_KIND)
        if expected and expected != kind:
            raise APIError(400, f"Expected server kind {kind}, got {expected}")
        try:
            registered = self._engine.registry.register(parse_object(call.request.body))
        except RegistrationInvalidError as error:
            self._tell_of_refusal(error.details or [error.message])
            raise APIError(400, error.message, **({"details": error.details} if error.details else {})) from None
        self._refusals.clear()
        self._tell(registered)
        self._engine.executor.attempts.app_is_up(registered.app.id)
        return json_response(
            {
                "ok": True,
                "modified": registered.modified,
                "sync_id": ids.random_uuid(),
                "app_id": registered.app.id,
            }
        )

    def _tell_of_refusal(self, details: Sequence[str]) -> None:
        """Say why a registration is refused; apps that try again and again with the same are told of once."""
        if len(self._refusals) > _MOST_REFUSALS:
            self._refusals.clear()
        for detail in details:
            if detail not in self._refusals:
                self._refusals.add(detail)
                self._engine.journal.say(f"registration refused: {detail}")

    def _tell(self, registered: Registered) -> None:
        if not registered.modified:
            return
        count = len(registered.functions)
        self._engine.journal.say(
            f'app "{registered.app.name}" registered {count} function{"" if count == 1 else "s"} '
            f"at {without_password(registered.app.url)}"
        )

    def remove(self, call: Call) -> Response:
        """Forget the app at the URL in the query and cancel its runs; succeed as well when there is none."""
        url = call.query.get("url", "")
        if not url:
            raise APIError(400, "the query parameter url is missing")
        for app in self._engine.registry.remove(url):
            self._engine.journal.say(f'app "{app.name}" removed')
            self._cancel_runs_of(app)
        return json_response({"ok": True, "status": 200})

    def _cancel_runs_of(self, app: AppRow) -> None:
        why = f'the app "{app.name}" at {without_password(app.url)} was removed from the engine'
        for run in self._engine.active.of_app(app.id):
            self._engine.executor.cancel(run, why)

    def health(self, _: Call) -> Response:
        return json_response({"status": 200, "message": "OK"})

    def info(self, call: Call) -> Response:
        """Describe the engine; which apps and functions there are is told to those who may manage it only."""
        options = self._engine.options
        known = self._access.lets_in(Need.MANAGE, call.request.headers)
        apps = self._engine.registry.apps() if known else []
        functions = self._engine.registry.functions() if known else []
        return json_response(
            {
                "version": VERSION,
                "authed": False,
                "startOpts": {
                    "autodiscover": False,
                    "poll": False,
                    "persist": options.persist is not None,
                    "queue_workers": options.concurrency,
                    "require_keys": self._engine.signing_keys is not None,
                    "retry_interval": options.retry_interval,
                    "urls": [without_password(app.url) for app in apps],
                },
                "functions": [_config(function) for function in functions],
                "handlers": None,
                "isSingleNodeService": True,
                "isMissingSigningKey": False,
                "isMissingEventKeys": False,
                "features": {},
            }
        )

    def functions(self, call: Call) -> Response:
        name = call.path["app"]
        app = self._engine.registry.app_named(name)
        if app is None:
            raise APIError(404, f"app not found: {name}")
        return json_response(
            [
                {
                    "internal_id": function.id,
                    "env_id": NO_ACCOUNT,
                    "app_id": app.id,
                    "id": function.slug,
                    "name": function.name,
                    "config": _config(function),
                    "created_at": iso(app.created_at),
                    "archived_at": _NEVER,
                }
                for function in self._engine.registry.functions(app.id)
            ]
        )


def _config(function: Function) -> dict[str, Any]:
    step = {"id": "step", "name": "step", "uri": without_password(function.url), "retries": function.max_attempts - 1}
    options = {key: value for key, value in function.config.items() if key not in ("id", "name", "steps", "triggers")}
    return {
        "id": function.id,
        "fv": 1,
        "name": function.name,
        "slug": function.slug,
        "triggers": function.config.get("triggers") or [],
        "steps": [step],
        **options,
    }
