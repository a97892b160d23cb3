"""The keyword arguments of every `serve`, in one place. Decides nothing."""

from __future__ import annotations

from typing import TypedDict

from inngest_core.config import Streaming


class ServeOptions(TypedDict, total=False):
    """The keyword arguments that every framework's `serve` takes."""

    serve_path: str | None
    """Path of the endpoint, relative to the app, blueprint, router or mount; "/api/inngest" by default."""

    serve_origin: str | None
    """Scheme and host under which the engine reaches this app, such as "https://shop.example", where the request does
    not show them, as behind a proxy; INNGEST_SERVE_ORIGIN by default, else taken from the request."""

    public_path: str | None
    """Path under which the engine reaches this endpoint, where a proxy changes it; INNGEST_SERVE_PATH by default, else
    taken from the request."""

    enable_unauthed_sync: bool | None
    """Whether an unsigned request may make this app register in cloud mode; INNGEST_ENABLE_UNAUTHED_SYNC by default,
    else True. Other unsigned requests are always refused in cloud mode."""

    streaming: Streaming | None
    """Whether answers to calls begin at once and are kept alive while the function runs; that of the client by default,
    else INNGEST_STREAMING, else they are not."""
