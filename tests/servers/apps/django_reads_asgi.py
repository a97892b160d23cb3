"""The Django project whose middleware reads bodies, as an ASGI application."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.servers.apps.django_reads_settings"

from django.core.asgi import get_asgi_application

app = get_asgi_application()
