"""What takes time and needs no steps: a task of Django's, which the engine runs and tries again."""

from __future__ import annotations

from django.core.mail import send_mail

try:
    from django.tasks import task
except ImportError:  # before Django 6
    from django_tasks import task  # type: ignore[no-redef]


@task
def mail(to: str, subject: str, text: str) -> int:
    return send_mail(subject, text, "help@example.com", [to])
