"""The name under which the official SDK has its middleware for Sentry. Needs the extra `sentry`."""

from inngest.middleware.sentry import SentryMiddleware

__all__ = ["SentryMiddleware"]
