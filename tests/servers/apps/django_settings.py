"""Settings of a Django project without a database."""

SECRET_KEY = "nobody knows"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.servers.apps.django_urls"
USE_TZ = True
APPEND_SLASH = False
