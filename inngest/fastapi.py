"""The same as `inngest.fast_api`, spelled as the framework is."""

from inngest_fastapi import serve

__all__ = ["serve"]
