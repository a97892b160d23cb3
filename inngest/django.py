"""Serve functions from Django: `urlpatterns = [inngest.django.serve(client, functions)]`. Needs the extra `django`."""

from inngest_core.extras import needs

with needs("django", "asgiref"):
    from inngest_django import serve

__all__ = ["serve"]
