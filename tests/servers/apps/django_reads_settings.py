"""Settings of the Django project whose middleware reads bodies."""

from tests.servers.apps.django_settings import *  # noqa: F403

ROOT_URLCONF = "tests.servers.apps.django_reads_urls"
MIDDLEWARE = ["tests.servers.apps.django_reads_urls.around"]
