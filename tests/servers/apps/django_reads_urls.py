"""The URLconf of a Django project whose middleware, ours too, and whose function read the body; and that middleware."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

import inngest.django
from tests.servers.readers import HEADER, Reader

reader = Reader(lambda request: request.body)
urlpatterns = [inngest.django.serve(*reader.endpoint())]


def around(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        reader.begin(request.META["QUERY_STRING"])
        reader.note("before", request)
        response = get_response(request)
        reader.note("after", request)
        response[HEADER] = reader.told()
        return response

    return middleware
