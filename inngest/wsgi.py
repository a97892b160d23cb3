"""Serve functions as a bare WSGI application: `app = inngest.wsgi.serve(client, functions)`. Needs no extra."""

from inngest_core.serving.bare import serve_wsgi as serve

__all__ = ["serve"]
