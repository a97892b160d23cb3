"""The seam between web servers and the core: `Request`, `Response`, and the readers of ASGI and WSGI."""
