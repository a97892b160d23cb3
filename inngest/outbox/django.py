"""An outbox in the database of a Django project, whose INSTALLED_APPS have "inngest_django.outbox"."""

from inngest_core.extras import needs

with needs("django", "asgiref"):
    from inngest_django.outbox.sending import aadd, add, relay, stop_relays
    from inngest_outbox.delivery import Policy
    from inngest_outbox.relay import Relay

__all__ = ["Policy", "Relay", "aadd", "add", "relay", "stop_relays"]
