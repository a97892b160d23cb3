"""Call requests to apps: sent, answered, and the answer read."""
