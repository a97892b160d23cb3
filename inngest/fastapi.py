"""The same as `inngest.fast_api`, spelled as the framework is."""

from .fast_api import lifespan, router, serve

__all__ = ["lifespan", "router", "serve"]
