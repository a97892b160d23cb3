"""The same as `inngest.fast_api`, spelled as the framework is."""

from .fast_api import serve

__all__ = ["serve"]
