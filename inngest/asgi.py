"""Serve functions as a bare ASGI application: `app = inngest.asgi.serve(client, functions)`. Needs no extra."""

from inngest_core.serving.bare import serve_asgi as serve

__all__ = ["serve"]
