"""User values to JSON and back. Knows nothing of steps, events or the wire."""
