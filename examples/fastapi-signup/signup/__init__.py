"""People sign up, confirm their address, and are welcomed: an API, a database, an outbox, and a durable function."""
