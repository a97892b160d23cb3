"""A shop in Django. Start it, with an engine, from the top folder of the repository, in one of these ways:

    inngest dev examples.demo.django.app             under WSGI
    inngest dev examples.demo.django.app:asgi        under ASGI
    python -m examples.demo.django.manage inngest_dev

and place an order from another terminal:

    inngest send shop/order.placed '{"order": "A1", "item": "teapot", "card": "4242"}'
"""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "examples.demo.django.settings")

app = get_wsgi_application()
asgi = get_asgi_application()
