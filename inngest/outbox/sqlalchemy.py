"""An outbox in a database that SQLAlchemy 2 talks to. Needs the extra `sqlalchemy`."""

from inngest_core.extras import needs

with needs("sqlalchemy"):
    from inngest_outbox.delivery import Policy
    from inngest_outbox.relay import Relay
    from inngest_outbox.sqlalchemy import Outbox, OutboxEvent

__all__ = ["Outbox", "OutboxEvent", "Policy", "Relay"]
