"""What `inngest dev` and `inngest start` were told, as values. Keys are not shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from inngest_devserver.masking import SECRETS
from inngest_devserver.storage.retention import Keep

from .defaults import DEFAULT_PORT


@dataclass(frozen=True, slots=True)
class DevOptions:
    """The options of both commands.

    targets: the apps to run. urls: of apps that run elsewhere. port, app_port: 0 takes any free one. is_self_hosted: of
    `inngest start`.
    mask: names of fields whose values are hidden. mcp: whether assistants find tools at /mcp; may_write: and whether
    these may change something.
    reload: the apps are started anew when their code changes.
    """

    targets: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    allowed_hosts: tuple[str, ...] = ()
    persist: Path | None = None
    path: str | None = None
    app_port: int = 0
    retry_interval: float | None = None
    keep: Keep | None = None
    poll: bool = True
    reload: bool = False
    quiet: bool = False
    mask: tuple[str, ...] = SECRETS
    mcp: bool = False
    may_write: bool = False
    signing_key: str | None = field(default=None, repr=False)
    signing_key_fallback: str | None = field(default=None, repr=False)
    event_keys: tuple[str, ...] = field(default=(), repr=False)
    token: str | None = field(default=None, repr=False)
    is_self_hosted: bool = False
