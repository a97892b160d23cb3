"""Whose certificates a worker trusts when it connects by TLS: those that its requests trust, and the system's.

Without the former, a worker could ask an engine where to connect, and then not connect there: an image may have no
certificates but those that come with httpx.
"""

from __future__ import annotations

import functools
import ssl


def context_for(url: str) -> ssl.SSLContext | None:
    """Return the settings of TLS for a WebSocket; None for one without."""
    return _with(ssl.get_default_verify_paths()) if url.lower().startswith("wss:") else None


@functools.lru_cache(maxsize=4)
def _with(_paths: ssl.DefaultVerifyPaths) -> ssl.SSLContext:
    """Return them for these paths, which SSL_CERT_FILE and SSL_CERT_DIR change: they take time and memory to make."""
    import httpx

    context = httpx.create_ssl_context()
    context.load_default_certs()
    return context
