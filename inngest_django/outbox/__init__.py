"""A Django app: events are written in the project's own transactions, and sent after they committed."""
