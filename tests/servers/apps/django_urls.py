"""The URLconf of the Django project."""

import inngest.django
from tests.servers.endpoints import make_endpoints

urlpatterns = [inngest.django.serve(each.client, each.functions, serve_path=each.path) for each in make_endpoints()]
