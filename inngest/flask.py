"""Serve functions from Flask: `inngest.flask.serve(app, client, functions)`. Needs the extra `flask`."""

from inngest_core.extras import needs

with needs("flask", "werkzeug"):
    from inngest_flask import Extension, Served, serve

__all__ = ["Extension", "Served", "serve"]
