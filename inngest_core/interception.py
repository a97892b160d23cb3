"""The public way to look at the requests of clients to an engine, and to answer them in its place."""

from __future__ import annotations

from contextlib import AbstractContextManager

from .client import Inngest
from .runtime.interceptors import Interceptor, intercepting


def intercept_requests(interceptor: Interceptor, *, client: Inngest | None = None) -> AbstractContextManager[None]:
    """Have the requests of clients to an engine looked at before they are made: events, signals, registrations and all.

    For tests and for transports of one's own. It holds inside the `with` block, in all threads and on all loops of the
    process. Of several interceptors the one that was added last is asked first. Where there is one, no event key is
    needed. Subscriptions to realtime channels are not intercepted.

    interceptor: called with each `HTTPRequest`. It returns an `HTTPResponse`, which is the answer, or None: then the
        next interceptor is asked, and at last the network. One that is `async def` works for `client.send` and async
        functions only. What it raises is raised by the client.
    client: the one client whose requests are looked at; by default all clients, also those that are made later.
    Returns a context manager.

    ```python
    def refuse(request: inngest.HTTPRequest) -> inngest.HTTPResponse | None:
        raise AssertionError(f"{request.method} {request.origin}: this program sends nothing")


    with inngest.intercept_requests(refuse):
        ...
    ```
    """
    return intercepting(interceptor, None if client is None else client.engine_api)
