"""Settings of the Django project whose middleware reads bodies."""

SECRET_KEY = "nobody knows"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.servers.apps.django_reads_urls"
MIDDLEWARE = ["tests.servers.apps.django_reads_urls.around"]
USE_TZ = True
APPEND_SLASH = False
