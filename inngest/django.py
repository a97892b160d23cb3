"""Serve functions from Django, by the app `inngest_django` or by `serve`. Needs the extra `django`."""

from inngest_core.extras import needs

with needs("django", "asgiref"):
    from inngest_django import serve
    from inngest_django.project import get_client
    from inngest_django.sending import send_on_commit

__all__ = ["get_client", "send_on_commit", "serve"]
