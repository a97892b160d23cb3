"""An app of a web framework whose integration for Sentry is on: calls a function twice, and prints what would be sent.

    python -m tests.middleware.sentry_program flask

Started as a process of its own, because Sentry's integrations change the frameworks for good.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

import inngest
from inngest.middleware.sentry import SentryMiddleware
from tests.cases.case import Call

PATH = "/api/inngest"
SECRET = "card 4242 4242 4242"
SIGNATURE = "s=00&t=1"
Post = Callable[[str, bytes, dict[str, str]], object]


class Collecting(Transport):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        kept = [item for item in envelope.items if item.type in ("event", "transaction")]
        self.sent += [{"what": item.type, **json.loads(item.get_bytes())} for item in kept]


def flask_app(client: inngest.Inngest, functions: list[Any]) -> Post:
    import flask

    import inngest.flask

    app = flask.Flask("app")
    inngest.flask.serve(app, client, functions)
    return lambda url, body, headers: app.test_client().post(url, data=body, headers=headers)


def fastapi_app(client: inngest.Inngest, functions: list[Any]) -> Post:
    import fastapi
    from starlette.testclient import TestClient

    import inngest.fastapi

    app = fastapi.FastAPI()
    inngest.fastapi.serve(app, client, functions)
    return lambda url, body, headers: TestClient(app).post(url, content=body, headers=headers)


def django_app(client: inngest.Inngest, functions: list[Any]) -> Post:
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from werkzeug.test import Client

    import inngest.django

    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
    globals()["urlpatterns"] = [inngest.django.serve(client, functions)]
    app = Client(get_wsgi_application())  # that of django.test goes past what Sentry wraps
    return lambda url, body, headers: app.post(url, data=body, headers=headers)


APPS = {"flask": flask_app, "fastapi": fastapi_app, "django": django_app}


def main(framework: str) -> None:
    transport = Collecting()
    sentry_sdk.init(
        dsn="https://key@sentry.example/1",
        transport=transport,
        traces_sample_rate=1.0,
        include_local_variables=False,
    )
    client = inngest.Inngest(app_id="app", is_production=False, middleware=[SentryMiddleware], checkpointing=False)

    @client.create_function(fn_id="fn", trigger=inngest.TriggerEvent(event="test/go"), retries=0)
    def fails(ctx: inngest.ContextSync) -> None:
        ctx.step.run("charge", lambda: SECRET)
        raise ValueError("no luck")

    post = APPS[framework](client, [fails])
    for steps in ({}, {"charge": {"data": SECRET}}):
        call = Call(steps=steps, event={"data": {"card": SECRET}}, max_attempts=1)
        headers = {"content-type": "application/json", "x-inngest-signature": SIGNATURE}
        post(f"{PATH}?{call.query()}", call.body(), headers)
    sentry_sdk.flush()
    sys.stdout.write(json.dumps(transport.sent))


if __name__ == "__main__":
    main(sys.argv[1])
