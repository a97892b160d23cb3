"""The paths of the project."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("tickets.urls")),
    path("admin/", admin.site.urls),
    path("", include("inngest_django.urls")),
]
