"""The paths of the app."""

from __future__ import annotations

from django.urls import path

from .views import ask

urlpatterns = [path("", ask, name="ask")]
