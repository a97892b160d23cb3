"""The commands of a framework ask the engine of its app: the settings of a client, as the command line reads them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from inngest_core.client import Inngest
from inngest_core.config import CLOUD_EVENT_API_ORIGIN


def runs_an_app(options: argparse.Namespace) -> bool:
    """Tell whether a command runs an app; the others ask an engine."""
    return "target" in options or "targets" in options


def environ_of(client: Inngest, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with the engine and the keys of a client, for `inngest_cli.main.run`.

    A client that names no engine and has no key, as in a new project, leaves it as it is: the engine is that of
    `inngest dev` on this machine.

    client: that of the app whose framework offers the commands. environ: what holds otherwise.
    """
    if _names_no_engine(client):
        return environ
    of_client = {
        "INNGEST_BASE_URL": client.event_api_origin,
        "INNGEST_DEV": "0" if client.is_production else "1",
        "INNGEST_EVENT_KEY": client.event_key,
        "INNGEST_SIGNING_KEY": client.signing_key,
    }
    return {**environ, **{name: value for name, value in of_client.items() if value}}


def _names_no_engine(client: Inngest) -> bool:
    has_key = client.event_key is not None or client.signing_key is not None
    return client.is_production and not has_key and client.event_api_origin == CLOUD_EVENT_API_ORIGIN
