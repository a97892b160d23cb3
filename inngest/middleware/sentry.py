"""Failed runs as events in Sentry, calls as transactions. Needs the extra `sentry`."""

from inngest_core.extras import needs

with needs("sentry", "sentry_sdk"):
    from inngest_middleware.sentry import SentryMiddleware

__all__ = ["SentryMiddleware"]
