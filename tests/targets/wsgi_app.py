"""A bare WSGI application."""

from wsgiref.types import WSGIApplication

import inngest
import inngest.wsgi

from .target import Functions, WSGITarget


def make(client: inngest.Inngest, functions: Functions) -> WSGIApplication:
    return inngest.wsgi.serve(client, functions)


TARGET = WSGITarget("wsgi", "wsgi", "/api/inngest", make)
