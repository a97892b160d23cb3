"""The command `inngest`: reads arguments, prints, and leaves the work to the engine. Here is no protocol."""
