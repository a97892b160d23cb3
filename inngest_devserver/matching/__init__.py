"""Expressions: text to syntax, syntax to a function, and what that function says of events."""
