"""Transactional outbox: events are written in the user's own database transaction, and sent after it committed."""
