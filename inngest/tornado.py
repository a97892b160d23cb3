"""Serve functions from Tornado: `inngest.tornado.serve(app, client, functions)`. Needs the extra `tornado`."""

from inngest_core.extras import needs

with needs("tornado"):
    from inngest_tornado import serve

__all__ = ["serve"]
