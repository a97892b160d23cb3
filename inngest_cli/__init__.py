"""The command `inngest`: it reads arguments, prints results, and leaves the work to the engine."""
