"""One call of one function: replay, steps, and what the call came to. Knows no HTTP."""
