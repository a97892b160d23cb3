"""The URLs of the shop."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

import inngest
import inngest.django

from .functions import client, fulfil, ship, thank


@csrf_exempt
@require_POST
def place_order(request: HttpRequest, item: str) -> JsonResponse:
    """Answer at once; the functions do the rest."""
    data = {"order": "W1", "item": item, "card": request.POST.get("card", "4242")}
    return JsonResponse({"events": client.send_sync(inngest.Event(name="shop/order.placed", data=data))})


urlpatterns = [
    path("orders/<item>", place_order),
    inngest.django.serve(client, [fulfil, ship, thank]),
]
