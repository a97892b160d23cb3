"""Middleware: the hooks around calls, steps, sending and registration, and the order in which they run."""
