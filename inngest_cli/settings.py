"""The commands of a framework ask the engine of its app: the settings of a client, as the command line reads them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from inngest_core.client import Inngest


def runs_an_app(options: argparse.Namespace) -> bool:
    """Tell whether a command runs an app; the others ask an engine."""
    return "target" in options or "targets" in options


def environ_of(client: Inngest, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment with the engine and the keys of a client, for `inngest_cli.main.run`.

    client: that of the app whose framework offers the commands. environ: what holds otherwise.
    """
    of_client = {
        "INNGEST_BASE_URL": client.event_api_origin,
        "INNGEST_DEV": "0" if client.is_production else "1",
        "INNGEST_EVENT_KEY": client.event_key,
        "INNGEST_SIGNING_KEY": client.signing_key,
    }
    return {**environ, **{name: value for name, value in of_client.items() if value}}
