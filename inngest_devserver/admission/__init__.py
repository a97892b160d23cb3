"""What becomes of an event that starts a function: a run now, a run later, or none."""
