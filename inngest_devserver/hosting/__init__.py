"""Runs a user's app in a process of its own: a program by itself, which the engine starts."""
