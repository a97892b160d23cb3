"""Runs a user's app in a process of its own. A program by itself: the engine starts it, and imports little of it."""
