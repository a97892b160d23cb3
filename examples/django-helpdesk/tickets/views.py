"""The form for a question."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .models import Ticket


class TicketForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in its stubs only
    class Meta:
        model = Ticket
        fields = ("email", "question")


def ask(request: HttpRequest) -> HttpResponse:
    form = TicketForm(request.POST or None)
    if form.is_valid():
        form.save()
    return render(request, "tickets/ask.html", {"form": form})
