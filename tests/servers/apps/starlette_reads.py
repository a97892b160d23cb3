"""A Starlette app whose middleware, ours too, and whose function read the body."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.requests import Request
from starlette.responses import Response

import inngest.starlette
from tests.servers.readers import HEADER, Reader

reader = Reader(lambda request: request.body())


async def around(request: Request, call_next: RequestResponseEndpoint) -> Response:
    reader.begin(request.url.query)
    await reader.note_async("before", request)
    response = await call_next(request)
    await reader.note_async("after", request)
    response.headers[HEADER] = reader.told()
    return response


app = Starlette(middleware=[Middleware(BaseHTTPMiddleware, dispatch=around)])
inngest.starlette.serve(app, *reader.endpoint_async())
