"""Serve functions from Flask: `inngest.flask.serve(app, client, functions)`. Needs the extra `flask`."""

from inngest_core.extras import needs

with needs("flask", "werkzeug"):
    from inngest_flask import serve

__all__ = ["serve"]
