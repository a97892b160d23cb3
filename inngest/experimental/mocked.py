"""The names of the official SDK's `inngest.experimental.mocked`; `inngest.testing` does the same and more."""

from inngest_core.extras import needs

with needs("testing", "cel_expr_python", "cronsim", "httptools"):
    from inngest_testing.mocked import Inngest, Result, Status, Timeout, trigger

__all__ = ["Inngest", "Result", "Status", "Timeout", "trigger"]
