"""Durable agents of pydantic-ai. Needs the extra `pydantic-ai`."""

from inngest_core.extras import needs

with needs("pydantic-ai", "pydantic_ai"):
    from inngest_middleware.pydantic_ai import InngestDurability

__all__ = ["InngestDurability"]
