"""Logging with the ids of run and step, silent during replay. The extra `structlog` has what its processor is for."""

from inngest_middleware.logging import CallFilter, JSONFormatter, add_call

__all__ = ["CallFilter", "JSONFormatter", "add_call"]
