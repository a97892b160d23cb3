"""Serve functions from Tornado: `inngest.tornado.serve(app, client, functions)`. Needs the extra `tornado`."""

from inngest_core.extras import needs

with needs("tornado"):
    from inngest_tornado import rules, serve, wait_for_calls

__all__ = ["rules", "serve", "wait_for_calls"]
