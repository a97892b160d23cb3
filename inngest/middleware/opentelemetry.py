"""Spans and metrics of calls, runs and steps. Needs the extra `opentelemetry`."""

from inngest_core.extras import needs

with needs("opentelemetry"):
    from inngest_middleware.extended_traces import ExtendedTraces
    from inngest_middleware.opentelemetry import OpenTelemetryMiddleware

__all__ = ["ExtendedTraces", "OpenTelemetryMiddleware"]
